-- retraining_triggers: one row per reason to retrain, as the production model stands on the as-of date.
-- grain:  reason
-- reads:  current_production, models, period, params, drift_reports, realised_performance, realised_intervals
-- drift: what FAILed on the as-of date itself. realised_loss: on the newest day whose labels are known production ranks
-- worse than its test promised, or worse than the recency rule, and the 95 % interval says that this is no chance. Days
-- are of the data, not of the clock, and count from the newest training of any model. Where the data itself is in doubt
-- (freshness, volume or a column FAILed) nothing should be learned from it, whatever the reason; but a volume that has
-- FAILed for retraining_doubt_days is taken for the business, which has become another.
create or replace view retraining_triggers as
with newest as (
    select max(models.as_of_date) as trained_until
    from models
    inner join period on models.as_of_date <= period.as_of_date
),

standing as (
    select
        production.model_version,
        period.as_of_date,
        date_diff('day', models.as_of_date, period.as_of_date) as age_days,
        date_diff('day', newest.trained_until, period.as_of_date) as days_since_training,
        models.as_of_date as learned_until,
        params.retraining_cooldown_days,
        params.retraining_every_days,
        params.retraining_max_age_days,
        params.retraining_doubt_days
    from current_production as production
    inner join models on production.model_version = models.model_version
    cross join newest
    cross join period
    cross join params
),

well as (
    select
        drift_reports.name,
        max(drift_reports.as_of_date) as well_until
    from drift_reports
    inner join standing on drift_reports.as_of_date <= standing.as_of_date
    where drift_reports.verdict <> 'FAIL'
    group by drift_reports.name
),

ill as (
    select
        drift_reports.name,
        min(drift_reports.as_of_date) as ill_since
    from drift_reports
    inner join standing on drift_reports.as_of_date <= standing.as_of_date
    left join well on drift_reports.name = well.name
    where
        drift_reports.verdict = 'FAIL'
        and (well.well_until is null or drift_reports.as_of_date > well.well_until)
    group by drift_reports.name
),

verdicts as (
    select
        drift_reports.name,
        drift_reports.kind in ('freshness', 'volume', 'column') as is_of_data,
        drift_reports.kind <> 'volume'
        or date_diff('day', ill.ill_since, standing.as_of_date) < standing.retraining_doubt_days as is_recent
    from standing
    inner join drift_reports
        on
            standing.model_version = drift_reports.model_version
            and standing.as_of_date = drift_reports.as_of_date
    inner join ill on drift_reports.name = ill.name
    where drift_reports.verdict = 'FAIL'
),

failed as (
    select
        string_agg(name, ', ' order by name) filter (where not is_of_data) as features,
        string_agg(name, ', ' order by name) filter (where is_of_data and is_recent) as doubts
    from verdicts
),

known as (
    select
        performance.as_of_date,
        performance.roc_auc,
        performance.expected_roc_auc,
        performance.pr_auc,
        performance.recency_pr_auc,
        performance.model_version,
        row_number() over (
            order by performance.as_of_date desc
        ) as days_from_end
    from standing
    inner join realised_performance as performance
        on
            standing.model_version = performance.model_version
            and standing.learned_until <= performance.as_of_date
    where performance.roc_auc is not null
),

judged as (
    select
        known.as_of_date,
        known.model_version,
        known.roc_auc,
        known.expected_roc_auc,
        known.pr_auc,
        known.recency_pr_auc,
        ranks.high < known.expected_roc_auc as breaks_promise,
        gains.high < 0 as loses_to_rule
    from known
    inner join realised_intervals as ranks
        on
            known.as_of_date = ranks.as_of_date
            and known.model_version = ranks.model_version
            and ranks.metric = 'roc_auc'
    inner join realised_intervals as gains
        on
            known.as_of_date = gains.as_of_date
            and known.model_version = gains.model_version
            and gains.metric = 'pr_auc_gain'
    where known.days_from_end = 1
),

grounds as (
    select
        'drift' as reason,
        failed.features is not null as is_due,
        coalesce('FAIL: ' || failed.features, 'nothing FAILed, or drift was not checked') as message
    from failed
    union all
    select
        'realised_loss' as reason,
        coalesce(judged.breaks_promise or judged.loses_to_rule, false) as is_due,
        coalesce(
            'of ' || judged.as_of_date || ': ROC-AUC ' || format('{:.3f}', judged.roc_auc) || ', promised '
            || format('{:.3f}', judged.expected_roc_auc) || ', PR-AUC ' || format('{:.3f}', judged.pr_auc)
            || ', recency rule ' || format('{:.3f}', judged.recency_pr_auc),
            'no label is known yet of a day that production scored'
        ) as message
    from standing
    left join judged on standing.model_version = judged.model_version
    union all
    select
        'schedule' as reason,
        coalesce(days_since_training >= retraining_every_days, false) as is_due,
        days_since_training || ' days since the last training, '
        || coalesce(retraining_every_days || ' are planned', 'none are planned') as message
    from standing
    union all
    select
        'age' as reason,
        coalesce(age_days >= retraining_max_age_days, false) as is_due,
        'production has seen nothing for ' || age_days || ' days, '
        || coalesce(retraining_max_age_days || ' are the limit', 'there is no limit') as message
    from standing
)

select
    grounds.reason,
    grounds.is_due,
    grounds.message,
    standing.days_since_training,
    standing.days_since_training < standing.retraining_cooldown_days as is_cooling_down,
    failed.doubts as data_doubts
from grounds
cross join standing
cross join failed;

comment on column retraining_triggers.reason is 'drift, realised_loss, schedule or age';
comment on column retraining_triggers.is_due is 'whether it asks for a retraining';
comment on column retraining_triggers.message is 'the figures in words';
comment on column retraining_triggers.days_since_training is 'days of the data since the newest training';
comment on column retraining_triggers.is_cooling_down is 'whether that is too recent to retrain for any reason';
comment on column retraining_triggers.data_doubts is
'what FAILed of freshness, volume and columns on the as-of date, and not for so long that it is the business itself.
NULL: nothing, or drift was not checked';
