-- user_states: one row per user and asked-for day: how long since signing up and since the last activity.
-- grain:  user_id, as_of_date
-- reads:  users_clean, user_activity, params
-- A table macro: from user_states([date '2025-04-30']). The ASOF join finds the last active day up to as_of_date.
create or replace macro user_states(as_of_dates) as table
with asked as (
    select unnest(as_of_dates) as as_of_day
),

active_days as (
    select
        user_id,
        user_bucket,
        activity_date
    from user_activity
    where is_active_day = 1
),

user_days as (
    select
        users_clean.user_id,
        users_clean.user_bucket,
        cast(asked.as_of_day as date) as as_of_date,
        users_clean.signup_date
    from users_clean
    cross join asked
),

recent as (
    select
        user_days.user_id,
        user_days.user_bucket,
        user_days.as_of_date,
        user_days.signup_date,
        active_days.activity_date as last_activity_date,
        date_diff('day', user_days.signup_date, user_days.as_of_date) as days_as_user
    from user_days
    asof left join active_days
        on
            user_days.user_id = active_days.user_id
            and user_days.user_bucket = active_days.user_bucket
            and user_days.as_of_date >= active_days.activity_date
),

judged as (
    select
        recent.user_id,
        recent.user_bucket,
        recent.as_of_date,
        recent.signup_date,
        recent.last_activity_date,
        greatest(recent.days_as_user, 0) as days_since_signup,
        coalesce(
            date_diff('day', recent.last_activity_date, recent.as_of_date),
            greatest(recent.days_as_user, 0)
        ) as days_since_last_activity,
        case
            when recent.days_as_user < 0 then 'future'
            when recent.last_activity_date is null then 'new'
            when
                date_diff('day', recent.last_activity_date, recent.as_of_date)
                >= params.active_within_days
                then 'lapsed'
            else 'active'
        end as state,
        params.active_within_days
    from recent
    cross join params
)

select
    user_id,
    user_bucket,
    as_of_date,
    signup_date,
    last_activity_date,
    days_since_signup,
    days_since_last_activity,
    state,
    state = 'active' or active_within_days is null as is_eligible
from judged;
