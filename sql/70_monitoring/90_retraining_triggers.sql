-- retraining_triggers: one row per reason to retrain, for the production model at the as-of date.
-- grain:  reason
-- reads:  production_at, models, period, params, drift_reports, realised_performance, realised_intervals
-- drift: a feature, the score or the label FAILed on the as-of date. realised_loss: on the newest day with known
-- labels, production ranked significantly worse (95 % interval) than on its test rows, or than the recency rule. Days
-- are days of the data, not of the clock; the cooldown counts from the newest training of any model. While freshness,
-- volume or a column FAILs, nothing should be learned, whatever the reason; but a volume that has FAILed for
-- retraining_doubt_days is taken for a lasting change of the business.
create or replace view retraining_triggers as
with newest_training as (
    select max(models.as_of_date) as trained_until
    from models
    inner join period on models.as_of_date <= period.as_of_date
),

production_now as (
    select
        production.model_version,
        models.as_of_date as trained_until,
        period.as_of_date,
        date_diff('day', models.as_of_date, period.as_of_date) as age_days,
        date_diff('day', newest_training.trained_until, period.as_of_date) as days_since_training
    from production_at(timestamp '9999-12-31') as production
    inner join models on production.model_version = models.model_version
    cross join newest_training
    cross join period
),

drift_so_far as (
    select
        drift_reports.as_of_date,
        drift_reports.model_version,
        drift_reports.name,
        drift_reports.kind,
        drift_reports.verdict
    from drift_reports
    inner join production_now on drift_reports.as_of_date <= production_now.as_of_date
),

last_passed as (
    select
        name,
        max(as_of_date) as passed_on
    from drift_so_far
    where verdict <> 'FAIL'
    group by name
),

failing_since as (
    select
        drift_so_far.name,
        min(drift_so_far.as_of_date) as first_failed_on
    from drift_so_far
    left join last_passed on drift_so_far.name = last_passed.name
    where
        drift_so_far.verdict = 'FAIL'
        and (last_passed.passed_on is null or drift_so_far.as_of_date > last_passed.passed_on)
    group by drift_so_far.name
),

failures as (
    select
        drift_so_far.name,
        drift_so_far.kind in ('freshness', 'volume', 'column') as is_data_check,
        drift_so_far.kind = 'volume'
        and date_diff('day', failing_since.first_failed_on, production_now.as_of_date) >= params.retraining_doubt_days
            as is_lasting_change
    from drift_so_far
    inner join production_now
        on
            drift_so_far.model_version = production_now.model_version
            and drift_so_far.as_of_date = production_now.as_of_date
    inner join failing_since on drift_so_far.name = failing_since.name
    cross join params
    where drift_so_far.verdict = 'FAIL'
),

failed_checks as (
    select
        string_agg(name, ', ' order by name) filter (where not is_data_check) as drifted,
        string_agg(name, ', ' order by name) filter (where is_data_check and not is_lasting_change) as data_doubts
    from failures
),

newest_outcome as (
    select
        max(performance.as_of_date) as as_of_date,
        production_now.model_version
    from production_now
    inner join realised_performance as performance
        on
            production_now.model_version = performance.model_version
            and production_now.trained_until <= performance.as_of_date
    where performance.roc_auc is not null
    group by production_now.model_version
),

realised_loss as (
    select
        performance.as_of_date,
        performance.model_version,
        performance.roc_auc,
        performance.expected_roc_auc,
        performance.pr_auc,
        performance.recency_pr_auc,
        roc_auc_interval.high < performance.expected_roc_auc as is_below_test,
        gain_interval.high < 0 as is_below_rule
    from newest_outcome
    inner join realised_performance as performance
        on
            newest_outcome.as_of_date = performance.as_of_date
            and newest_outcome.model_version = performance.model_version
    inner join realised_intervals as roc_auc_interval
        on
            performance.as_of_date = roc_auc_interval.as_of_date
            and performance.model_version = roc_auc_interval.model_version
            and roc_auc_interval.metric = 'roc_auc'
    inner join realised_intervals as gain_interval
        on
            performance.as_of_date = gain_interval.as_of_date
            and performance.model_version = gain_interval.model_version
            and gain_interval.metric = 'pr_auc_gain'
),

triggers as (
    select
        'drift' as reason,
        drifted is not null as is_due,
        coalesce('FAIL: ' || drifted, 'nothing FAILed, or drift was not checked') as message
    from failed_checks
    union all
    select
        'realised_loss' as reason,
        coalesce(realised_loss.is_below_test or realised_loss.is_below_rule, false) as is_due,
        coalesce(
            realised_loss.as_of_date || ': ROC-AUC ' || format('{:.3f}', realised_loss.roc_auc)
            || ', ' || format('{:.3f}', realised_loss.expected_roc_auc) || ' on the test rows, PR-AUC '
            || format('{:.3f}', realised_loss.pr_auc) || ', recency rule '
            || format('{:.3f}', realised_loss.recency_pr_auc),
            'no day that production scored has known labels yet'
        ) as message
    from production_now
    left join realised_loss on production_now.model_version = realised_loss.model_version
    union all
    select
        'schedule' as reason,
        coalesce(production_now.days_since_training >= params.retraining_every_days, false) as is_due,
        production_now.days_since_training || ' days since the last training, '
        || coalesce('scheduled every ' || params.retraining_every_days, 'none scheduled') as message
    from production_now
    cross join params
    union all
    select
        'age' as reason,
        coalesce(production_now.age_days >= params.retraining_max_age_days, false) as is_due,
        'production was trained on data up to ' || production_now.age_days || ' days ago, '
        || coalesce('limit ' || params.retraining_max_age_days, 'no limit') as message
    from production_now
    cross join params
)

select
    triggers.reason,
    triggers.is_due,
    triggers.message,
    production_now.days_since_training,
    production_now.days_since_training < params.retraining_cooldown_days as is_cooling_down,
    failed_checks.data_doubts
from triggers
cross join production_now
cross join failed_checks
cross join params;

comment on column retraining_triggers.reason is 'drift, realised_loss, schedule or age';
comment on column retraining_triggers.is_due is 'whether it is a reason to retrain';
comment on column retraining_triggers.message is 'the figures behind it, in words';
comment on column retraining_triggers.days_since_training is 'days of the data since the newest training';
comment on column retraining_triggers.is_cooling_down is 'whether that is too recent to retrain for any reason';
comment on column retraining_triggers.data_doubts is
'freshness, volume and column checks that FAILed on the as-of date, except volumes that have FAILed for
retraining_doubt_days. NULL: none, or drift was not checked';
