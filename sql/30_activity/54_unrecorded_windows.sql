-- unrecorded_windows: one row per day whose look-back or label window holds days of logging_gaps.
-- grain:  as_of_date
-- reads:  calendar, params, logging_gaps
-- What was not recorded is unknown: beyond a tenth of the window it gives no label, and nobody is silent for it.
create or replace view unrecorded_windows as
with lost as (
    select cast(unnest(generate_series(first_gap_date, last_gap_date, interval 1 day)) as date) as gap_date
    from logging_gaps
),

counted as (
    select
        calendar.as_of_date,
        count(*) filter (
            where lost.gap_date > calendar.as_of_date + params.churn_lead_days
        ) as days_ahead,
        count(*) filter (where lost.gap_date <= calendar.as_of_date) as days_behind,
        any_value(params.churn_window_days) as churn_window_days,
        any_value(coalesce(params.active_within_days, params.smallest_window_days)) as behind_days
    from calendar
    cross join params
    inner join lost
        on
            lost.gap_date <= calendar.as_of_date + params.label_days
            and lost.gap_date > calendar.as_of_date
            - coalesce(params.active_within_days, params.smallest_window_days)
    group by calendar.as_of_date
)

select
    as_of_date,
    days_ahead,
    days_behind,
    days_ahead > 0.1 * churn_window_days as has_no_label,
    days_behind > 0.1 * behind_days as has_no_lookback
from counted;

comment on column unrecorded_windows.as_of_date is 'the UTC day, seen at its end';
comment on column unrecorded_windows.days_ahead is 'days of its label window that were not recorded';
comment on column unrecorded_windows.days_behind is
'days of the look-back that decides who is eligible, or of the smallest window, that were not recorded';
comment on column unrecorded_windows.has_no_label is
'true: too few days of the label window were recorded to know who left';
comment on column unrecorded_windows.has_no_lookback is
'true: too few days before it were recorded to know who is silent';
