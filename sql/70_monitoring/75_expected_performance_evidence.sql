-- expected_performance_evidence: one row per scored day and model version: the evidence behind an estimate.
-- grain:  as_of_date, model_version
-- reads:  realised_performance, test_scores, models, params
create or replace view expected_performance_evidence as
with dates as (
    select
        model_version,
        as_of_date,
        avg(churn_risk) as mean_risk
    from test_scores
    where is_eligible
    group by model_version, as_of_date
),

tested as (
    select
        dates.model_version,
        count(*) as test_dates,
        1 + date_diff('day', min(dates.as_of_date), max(dates.as_of_date))
        // any_value(params.churn_window_days) as test_windows,
        min(dates.mean_risk) as lowest_mean_risk,
        max(dates.mean_risk) as highest_mean_risk
    from dates
    cross join params
    group by dates.model_version
)

select
    performance.as_of_date,
    performance.model_version,
    performance.mean_risk,
    round(tested.lowest_mean_risk, 12) as lowest_mean_risk,
    round(tested.highest_mean_risk, 12) as highest_mean_risk,
    tested.test_dates,
    tested.test_windows,
    performance.expected_ece as test_ece,
    json_extract(models.metrics, '$.calibration.sigmoid.slope') is not null as is_calibrated,
    date_diff('day', models.as_of_date, performance.as_of_date) as model_age_days
from realised_performance as performance
left join tested on performance.model_version = tested.model_version
left join models on performance.model_version = models.model_version;

comment on column expected_performance_evidence.as_of_date is 'the scored UTC day';
comment on column expected_performance_evidence.model_version is 'the model that scored';
comment on column expected_performance_evidence.mean_risk is 'of the scored users, 0 to 1';
comment on column expected_performance_evidence.lowest_mean_risk is
'lowest of the test dates, 0 to 1. NULL: no test rows are kept';
comment on column expected_performance_evidence.highest_mean_risk is
'highest of the test dates, 0 to 1. NULL: as above';
comment on column expected_performance_evidence.test_dates is 'dates that the model was tested on. NULL: as above';
comment on column expected_performance_evidence.test_windows is
'non-overlapping churn windows between them. NULL: as above';
comment on column expected_performance_evidence.test_ece is
'expected calibration error on the eligible test rows, 0 to 1. NULL: the model is not registered';
comment on column expected_performance_evidence.is_calibrated is 'whether a sigmoid was fitted on later rows';
comment on column expected_performance_evidence.model_age_days is
'days from the last day of its training data to as_of_date. NULL: the model is not registered';
