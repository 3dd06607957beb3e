-- performance_history: one row per scored day and metric: expected, estimated and realised.
-- grain:  as_of_date, metric
-- reads:  scored_days, realised_performance, realised_intervals, expected_performance
create or replace view performance_history as
with measured as (
    select
        as_of_date,
        model_version,
        matures_on,
        days_until_mature,
        scored_users,
        matured_users,
        'pr_auc' as metric,
        expected_pr_auc as expected,
        pr_auc as realised,
        recency_pr_auc as recency_rule
    from realised_performance
    union all
    select
        as_of_date,
        model_version,
        matures_on,
        days_until_mature,
        scored_users,
        matured_users,
        'churn_rate' as metric,
        mean_risk as expected,
        churn_rate as realised,
        cast(null as double) as recency_rule
    from realised_performance
)

select
    measured.as_of_date,
    measured.metric,
    measured.model_version,
    measured.matures_on,
    measured.days_until_mature,
    measured.scored_users,
    measured.matured_users,
    measured.expected,
    expected_performance.estimate,
    expected_performance.low as estimate_low,
    expected_performance.high as estimate_high,
    measured.realised,
    case when measured.realised is not null then realised_intervals.low end as realised_low,
    case when measured.realised is not null then realised_intervals.high end as realised_high,
    measured.recency_rule,
    case when measured.realised is not null and measured.metric = 'pr_auc' then gains.low end as gain_low
from measured
inner join scored_days
    on
        measured.as_of_date = scored_days.as_of_date
        and measured.model_version = scored_days.model_version
left join realised_intervals
    on
        measured.as_of_date = realised_intervals.as_of_date
        and measured.model_version = realised_intervals.model_version
        and measured.metric = realised_intervals.metric
left join realised_intervals as gains
    on
        measured.as_of_date = gains.as_of_date
        and measured.model_version = gains.model_version
        and gains.metric = 'pr_auc_gain'
left join expected_performance
    on
        scored_days.as_of_date = expected_performance.as_of_date
        and scored_days.model_version = expected_performance.model_version
        and scored_days.scored_at = expected_performance.scored_at
        and measured.metric = expected_performance.metric;

comment on column performance_history.as_of_date is 'the scored UTC day';
comment on column performance_history.metric is 'pr_auc or churn_rate';
comment on column performance_history.model_version is 'the model that scored';
comment on column performance_history.matures_on is 'the outcome is known from the evening of this UTC day on';
comment on column performance_history.days_until_mature is 'days from the as-of date to it; 0: it is known';
comment on column performance_history.scored_users is 'users in the scoring';
comment on column performance_history.matured_users is 'of them, those whose label is known';
comment on column performance_history.expected is
'pr_auc: of the test rows at training; churn_rate: the mean risk. NULL: the model is not registered';
comment on column performance_history.estimate is
'estimated when the day was scored. NULL: no estimate';
comment on column performance_history.estimate_low is 'low end of its 95 % interval. NULL: as above';
comment on column performance_history.estimate_high is 'high end of it. NULL: as above';
comment on column performance_history.realised is 'the outcome. NULL: not known yet, or pr_auc of one class';
comment on column performance_history.realised_low is
'low end of its 95 % interval over users. NULL: not known yet, or not resampled; churn-duck performance does';
comment on column performance_history.realised_high is 'high end of it. NULL: as above';
comment on column performance_history.recency_rule is
'the same metric of the recency rule, longest silence first. NULL: not known yet, or churn_rate';
comment on column performance_history.gain_low is
'low end of the 95 % interval of realised less recency_rule. NULL: not known yet, not resampled, or churn_rate';
