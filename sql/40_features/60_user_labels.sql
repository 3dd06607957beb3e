-- user_labels: one row per user and asked-for day whose next churn_window_days have all been seen.
-- grain:  user_id, as_of_date
-- reads:  users_clean, future_activity, params, period, unrecorded_windows
-- A table macro: from user_labels([date '2025-04-30']). A day whose future is not all there yet,
-- or was not recorded, has no row, never a 0.
create or replace macro user_labels(as_of_dates) as table
with asked as (
    select unnest(as_of_dates) as as_of_day
),

matured as (
    select cast(asked.as_of_day as date) as as_of_date
    from asked
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
    users_clean.user_id,
    users_clean.user_bucket,
    matured.as_of_date,
    coalesce(futures.future_active_days, 0) as future_active_days,
    {{ churn_label('futures.future_active_days') }} as churn_label
from users_clean
cross join matured
left join future_activity(as_of_dates) as futures
    on
        users_clean.user_id = futures.user_id
        and users_clean.user_bucket = futures.user_bucket
        and matured.as_of_date = futures.as_of_date;
