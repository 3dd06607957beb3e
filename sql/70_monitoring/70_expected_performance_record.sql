-- expected_performance_record: one row per scored day, model version and metric: the estimate beside the outcome.
-- grain:  as_of_date, model_version, metric
-- reads:  expected_performance, realised_performance
-- Of the newest scoring of each day and model. Outcome windows of days closer together than
-- churn_window_days overlap, so that their estimates are not independent.
create or replace view expected_performance_record as
with judged as (
    select
        expected_performance.as_of_date,
        expected_performance.model_version,
        expected_performance.metric,
        expected_performance.estimate,
        expected_performance.low,
        expected_performance.high,
        expected_performance.made_at,
        performance.matures_on,
        case expected_performance.metric
            when 'churn_rate' then performance.churn_rate
            else performance.pr_auc
        end as realised
    from expected_performance
    inner join realised_performance as performance
        on
            expected_performance.as_of_date = performance.as_of_date
            and expected_performance.model_version = performance.model_version
            and expected_performance.scored_at = performance.scored_at
)

select
    as_of_date,
    model_version,
    metric,
    estimate,
    low,
    high,
    made_at,
    matures_on,
    realised,
    realised between low and high as is_covered,
    count(realised) over so_far as matured_so_far,
    count(*) filter (where realised between low and high) over so_far as covered_so_far,
    count(*) filter (where realised between low and high) over so_far
    / cast(nullif(count(realised) over so_far, 0) as double) as coverage_so_far
from judged
window so_far as (partition by metric order by as_of_date);

comment on column expected_performance_record.as_of_date is 'the scored UTC day';
comment on column expected_performance_record.model_version is 'the model that scored';
comment on column expected_performance_record.metric is 'churn_rate or pr_auc';
comment on column expected_performance_record.estimate is 'what was expected when the day was scored';
comment on column expected_performance_record.low is 'low end of its 95 % interval';
comment on column expected_performance_record.high is 'high end of it';
comment on column expected_performance_record.made_at is 'when the estimate was made, UTC';
comment on column expected_performance_record.matures_on is
'the outcome is known from the evening of this UTC day on';
comment on column expected_performance_record.realised is 'the outcome. NULL: not known yet, or pr_auc of one class';
comment on column expected_performance_record.is_covered is 'whether the interval holds it. NULL: not known yet';
comment on column expected_performance_record.matured_so_far is
'estimates of this metric that can be judged, to this day';
comment on column expected_performance_record.covered_so_far is 'of them, those that were covered';
comment on column expected_performance_record.coverage_so_far is
'their share; 0.95 is nominal. NULL: none can be judged';
