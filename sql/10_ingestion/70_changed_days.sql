-- changed_days: one row per day whose activity the last build rebuilt.
-- grain:  activity_date
-- reads:  {{ 'raw_events' if after_landing is none else 'raw_events, superseded_events, unknown_users, users_clean' }}
-- All days; where a build only adds landings, the days of their events, those from which a correction removes an
-- event, and those of users whose events landed before them (unknown_users as the previous build left it).
create or replace table changed_days as
{% if after_landing is none %}
select distinct cast(event_time as date) as activity_date
from raw_events;
{% else %}
with late_users as (
    select user_id
    from unknown_users
    where user_id in (select users_clean.user_id from users_clean)
),

touched as (
    select cast(event_time as date) as activity_date
    from {{ arrived_events }}
    union all
    select event_date as activity_date
    from superseded_events
    where event_id in (select arrived.event_id from {{ arrived_events }} as arrived)
    union all
    select cast(event_time as date) as activity_date
    from raw_events
    where user_id in (select late_users.user_id from late_users)
)

select distinct activity_date
from touched;
{% endif %}

comment on column changed_days.activity_date is 'UTC day';
