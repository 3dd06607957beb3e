-- future_activity: one row per asked-for day and user with activity in the churn_window_days after it.
-- grain:  user_id, as_of_date
-- reads:  user_activity, params, period, unrecorded_windows
-- A table macro: from future_activity([date '2025-04-30']). Days whose future is not all there yet,
-- or was not recorded, have no rows.
create or replace macro future_activity(as_of_dates) as table
with asked as (
    select unnest(as_of_dates) as as_of_day
),

steps as (
    select unnest(generate_series(churn_lead_days + 1, label_days)) as step
    from params
),

lookahead as (
    select
        cast(asked.as_of_day as date) as as_of_date,
        cast(asked.as_of_day as date) + cast(steps.step as integer) as activity_date
    from asked
    cross join steps
    cross join params
    cross join period
    where
        cast(asked.as_of_day as date) + params.label_days <= period.as_of_date
        and cast(asked.as_of_day as date) not in (
            select unrecorded_windows.as_of_date
            from unrecorded_windows
            where unrecorded_windows.has_no_label
        )
)

select
    user_activity.user_id,
    user_activity.user_bucket,
    lookahead.as_of_date,
    count(*) as future_active_days
from user_activity
inner join lookahead on user_activity.activity_date = lookahead.activity_date
where user_activity.is_active_day = 1
group by user_activity.user_id, user_activity.user_bucket, lookahead.as_of_date;
