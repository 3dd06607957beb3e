-- changed_days: one row per day whose activity the last build made anew.
-- grain:  activity_date
-- reads:  {{ 'raw_events' if after_landing is none else 'raw_events, superseded_events, unknown_users, users_clean' }}
-- All days, or, where a build only adds landings: the days of the events that came, those from which a correction takes
-- an event away, and those of users whose events had come before them (unknown_users, as the build before left it).
create or replace table changed_days as
{% if after_landing is none %}
select distinct cast(event_time as date) as activity_date
from raw_events;
{% else %}
with met_users as (
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
    where user_id in (select met_users.user_id from met_users)
)

select distinct activity_date
from touched;
{% endif %}

comment on column changed_days.activity_date is 'UTC day';
