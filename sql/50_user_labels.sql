-- user_labels: one row per user and asked-for day whose next churn_window_days have all been seen.
-- grain:  user_id, as_of_date
-- reads:  users_clean, user_activity, params, period
-- A table macro: from user_labels([date '2025-04-30']). A day whose future is not all there yet has no row, never a 0.
create or replace macro user_labels(as_of_dates) as table
with asked as (
    select unnest(as_of_dates) as as_of_day
),

matured as (
    select
        cast(asked.as_of_day as date) as as_of_date,
        params.churn_window_days
    from asked
    cross join params
    cross join period
    where cast(asked.as_of_day as date) + params.churn_window_days <= period.as_of_date
),

steps as (
    select unnest(generate_series(1, churn_window_days)) as step
    from params
),

lookahead as (
    select
        matured.as_of_date,
        matured.as_of_date + cast(steps.step as integer) as activity_date
    from matured
    cross join steps
),

futures as (
    select
        user_activity.user_id,
        lookahead.as_of_date,
        count(*) as future_active_days
    from user_activity
    inner join lookahead on user_activity.activity_date = lookahead.activity_date
    group by user_activity.user_id, lookahead.as_of_date
)

select
    users_clean.user_id,
    matured.as_of_date,
    coalesce(futures.future_active_days, 0) as future_active_days,
    cast(futures.future_active_days is null as integer) as churn_label
from users_clean
cross join matured
left join futures
    on
        users_clean.user_id = futures.user_id
        and matured.as_of_date = futures.as_of_date;
