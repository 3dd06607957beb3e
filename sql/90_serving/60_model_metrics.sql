-- model_metrics: one row per figure about the production model and its scores that batch_metrics exposes.
-- grain:  metric, labels
-- reads:  score_proxy, drift_status, production, expected_performance, realised_performance
create or replace view model_metrics as
with newest_expectations as (
    select
        expected_performance.metric,
        expected_performance.estimate,
        expected_performance.low,
        expected_performance.high,
        row_number() over (
            partition by expected_performance.metric
            order by expected_performance.as_of_date desc, expected_performance.scored_at desc
        ) as age
    from expected_performance
),

newest_realised as (
    select
        as_of_date,
        model_version,
        pr_auc,
        recency_pr_auc,
        expected_pr_auc,
        churn_rate,
        mean_risk,
        row_number() over (
            order by as_of_date desc, scored_at desc
        ) as age
    from realised_performance
    where matured_users > 0
),

samples as (
    select
        'churn_scored_day_timestamp_seconds' as metric,
        '' as labels,
        epoch(cast(as_of_date as timestamp)) as value,
        'Midnight (UTC) at which the newest scored day began.' as help
    from score_proxy
    union all
    select
        'churn_scored_users' as metric,
        '' as labels,
        scored_rows as value,
        'Users scored on the newest scored day.' as help
    from score_proxy
    union all
    select
        'churn_mean_risk' as metric,
        '' as labels,
        mean as value,
        'Mean risk of the newest scored day, 0 to 1.' as help
    from score_proxy
    union all
    select
        'churn_high_risk_share' as metric,
        '' as labels,
        high_risk_rate as value,
        'Share of its users at high risk, 0 to 1.' as help
    from score_proxy
    union all
    select
        'churn_drift_checked_timestamp_seconds' as metric,
        '' as labels,
        epoch(checked_at) as value,
        'When drift was last checked for the production model.' as help
    from drift_status
    union all
    select
        'churn_drift_max_psi' as metric,
        '' as labels,
        max_psi as value,
        'Largest population stability index of a feature at that check.' as help
    from drift_status
    union all
    select
        'churn_drift_status' as metric,
        '' as labels,
        case verdict when 'FAIL' then 2 when 'WARN' then 1 else 0 end as value,
        'Verdict of that check: 0 OK, 1 WARN, 2 FAIL.' as help
    from drift_status
    union all
    select
        'churn_drift_findings' as metric,
        'verdict="FAIL"' as labels,
        failed as value,
        'What that check found, by verdict.' as help
    from drift_status
    union all
    select
        'churn_drift_findings' as metric,
        'verdict="WARN"' as labels,
        warned as value,
        'What that check found, by verdict.' as help
    from drift_status
    union all
    select
        'churn_estimate' as metric,
        'metric="' || metric || '"' as labels,
        estimate as value,
        'What is expected of the newest scoring.' as help
    from newest_expectations
    where age = 1
    union all
    select
        'churn_estimate_low' as metric,
        'metric="' || metric || '"' as labels,
        low as value,
        'Low end of the 95 % interval of churn_estimate.' as help
    from newest_expectations
    where age = 1
    union all
    select
        'churn_estimate_high' as metric,
        'metric="' || metric || '"' as labels,
        high as value,
        'High end of the 95 % interval of churn_estimate.' as help
    from newest_expectations
    where age = 1
    union all
    select
        'churn_realised_day_timestamp_seconds' as metric,
        '' as labels,
        epoch(cast(as_of_date as timestamp)) as value,
        'Midnight (UTC) at which the newest scored day began whose labels are known.' as help
    from newest_realised
    where age = 1
    union all
    select
        'churn_realised_pr_auc' as metric,
        '' as labels,
        pr_auc as value,
        'PR-AUC of that day, as it came true.' as help
    from newest_realised
    where age = 1
    union all
    select
        'churn_realised_recency_pr_auc' as metric,
        '' as labels,
        recency_pr_auc as value,
        'PR-AUC of the recency rule on the same users.' as help
    from newest_realised
    where age = 1
    union all
    select
        'churn_realised_churn_rate' as metric,
        '' as labels,
        churn_rate as value,
        'Share of that day that left, 0 to 1.' as help
    from newest_realised
    where age = 1
    union all
    select
        'churn_production_model_info' as metric,
        'model="' || model || '",model_version="' || model_version || '"' as labels,
        1 as value,
        'The production model.' as help
    from production
    union all
    select
        'churn_production_model_trained_timestamp_seconds' as metric,
        '' as labels,
        epoch(created_at) as value,
        'When the production model was trained.' as help
    from production
    union all
    select
        'churn_production_model_promoted_timestamp_seconds' as metric,
        '' as labels,
        epoch(promoted_at) as value,
        'When it became production.' as help
    from production
)

select
    metric,
    labels,
    cast(value as double) as value,
    help
from samples
where value is not null;

comment on column model_metrics.metric is 'its name; a gauge';
comment on column model_metrics.labels is 'in the notation of Prometheus; empty: there is one value only';
comment on column model_metrics.value is 'seconds since 1970 (UTC), share, number or 0/1, as help says';
comment on column model_metrics.help is 'what it is, for a person';
