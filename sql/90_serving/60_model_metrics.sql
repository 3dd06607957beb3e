-- model_metrics: one row per figure about the production model and its scores that batch_metrics exposes.
-- grain:  metric, labels
-- reads:  score_proxy, drift_status, production, expected_performance, realised_performance
-- A value that is unknown has no row.
create or replace view model_metrics as
with newest_expectations as (
    select
        metric,
        estimate,
        low,
        high
    from expected_performance
    qualify row_number() over (
        partition by metric
        order by as_of_date desc, scored_at desc
    ) = 1
),

newest_realised as (
    select
        as_of_date,
        pr_auc,
        recency_pr_auc,
        churn_rate
    from realised_performance
    where matured_users > 0
    order by as_of_date desc, scored_at desc
    limit 1
),

score_proxy_figures as (
    select
        figures.metric,
        figures.labels,
        figures.value,
        figures.help
    from score_proxy
    cross join lateral (
        values
        (
            'churn_scored_day_timestamp_seconds',
            '',
            epoch(cast(score_proxy.as_of_date as timestamp)),
            'Midnight (UTC) at which the newest scored day began.'
        ),
        ('churn_scored_users', '', score_proxy.scored_rows, 'Users scored on the newest scored day.'),
        ('churn_mean_risk', '', score_proxy.mean, 'Mean risk on the newest scored day, 0 to 1.'),
        ('churn_high_risk_share', '', score_proxy.high_risk_rate, 'Share of the scored users at high risk, 0 to 1.')
    ) as figures (metric, labels, value, help)
),

drift_status_figures as (
    select
        figures.metric,
        figures.labels,
        figures.value,
        figures.help
    from drift_status
    cross join lateral (
        values
        (
            'churn_drift_checked_timestamp_seconds',
            '',
            epoch(drift_status.checked_at),
            'When drift was last checked for the production model.'
        ),
        (
            'churn_drift_max_psi',
            '',
            drift_status.max_psi,
            'Largest population stability index of a feature in that check.'
        ),
        (
            'churn_drift_status',
            '',
            case drift_status.verdict when 'FAIL' then 2 when 'WARN' then 1 else 0 end,
            'Verdict of that check: 0 OK, 1 WARN, 2 FAIL.'
        ),
        ('churn_drift_findings', 'verdict="FAIL"', drift_status.failed, 'Findings of that check by verdict.'),
        ('churn_drift_findings', 'verdict="WARN"', drift_status.warned, 'Findings of that check by verdict.')
    ) as figures (metric, labels, value, help)
),

newest_expectations_figures as (
    select
        figures.metric,
        figures.labels,
        figures.value,
        figures.help
    from newest_expectations
    cross join lateral (
        values
        (
            'churn_estimate',
            'metric="' || newest_expectations.metric || '"',
            newest_expectations.estimate,
            'Expected performance of the newest scoring.'
        ),
        (
            'churn_estimate_low',
            'metric="' || newest_expectations.metric || '"',
            newest_expectations.low,
            'Lower bound of the 95 % interval of churn_estimate.'
        ),
        (
            'churn_estimate_high',
            'metric="' || newest_expectations.metric || '"',
            newest_expectations.high,
            'Upper bound of the 95 % interval of churn_estimate.'
        )
    ) as figures (metric, labels, value, help)
),

newest_realised_figures as (
    select
        figures.metric,
        figures.labels,
        figures.value,
        figures.help
    from newest_realised
    cross join lateral (
        values
        (
            'churn_realised_day_timestamp_seconds',
            '',
            epoch(cast(newest_realised.as_of_date as timestamp)),
            'Midnight (UTC) at which the newest scored day with known labels began.'
        ),
        ('churn_realised_pr_auc', '', newest_realised.pr_auc, 'Realised PR-AUC of that day.'),
        (
            'churn_realised_recency_pr_auc',
            '',
            newest_realised.recency_pr_auc,
            'PR-AUC of the recency rule on the same users.'
        ),
        (
            'churn_realised_churn_rate',
            '',
            newest_realised.churn_rate,
            'Share of the users of that day who left, 0 to 1.'
        )
    ) as figures (metric, labels, value, help)
),

production_figures as (
    select
        figures.metric,
        figures.labels,
        figures.value,
        figures.help
    from production
    cross join lateral (
        values
        (
            'churn_production_model_info',
            'model="' || production.model || '",model_version="' || production.model_version || '"',
            1,
            'The production model.'
        ),
        (
            'churn_production_model_trained_timestamp_seconds',
            '',
            epoch(production.created_at),
            'When the production model was trained.'
        ),
        (
            'churn_production_model_promoted_timestamp_seconds',
            '',
            epoch(production.promoted_at),
            'When it was promoted to production.'
        )
    ) as figures (metric, labels, value, help)
),

samples as (
    select
        metric,
        labels,
        value,
        help
    from score_proxy_figures
    union all
    select
        metric,
        labels,
        value,
        help
    from drift_status_figures
    union all
    select
        metric,
        labels,
        value,
        help
    from newest_expectations_figures
    union all
    select
        metric,
        labels,
        value,
        help
    from newest_realised_figures
    union all
    select
        metric,
        labels,
        value,
        help
    from production_figures
)

select
    metric,
    labels,
    cast(value as double) as value,
    help
from samples
where value is not null;

comment on column model_metrics.metric is 'Prometheus name; a gauge';
comment on column model_metrics.labels is 'in Prometheus notation; empty: the metric has one value';
comment on column model_metrics.value is 'seconds since 1970 (UTC), share, count or 0/1, as help says';
comment on column model_metrics.help is 'what the metric means';
