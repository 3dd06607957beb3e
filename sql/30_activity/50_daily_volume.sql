-- daily_volume: one row per day from the first event to the as-of date, with how much happened on it.
-- grain:  as_of_date
-- reads:  calendar, user_activity
create or replace view daily_volume as
with seen as (
    select
        activity_date,
        cast(sum(total_events) as bigint) as total_events,
        count(*) filter (where is_active_day = 1) as active_users
    from user_activity
    group by activity_date
)

select
    calendar.as_of_date,
    coalesce(seen.total_events, 0) as total_events,
    coalesce(seen.active_users, 0) as active_users
from calendar
left join seen on calendar.as_of_date = seen.activity_date;

comment on column daily_volume.as_of_date is 'the UTC day';
comment on column daily_volume.total_events is 'clean events of that day; 0 where nothing has landed for it';
comment on column daily_volume.active_users is 'users who did on that day what counts as activity';
