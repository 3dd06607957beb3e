-- check_event_before_signup: one row per event earlier than its user's signup date.
-- grain:  landing, source_row
-- reads:  raw_events, raw_users
create or replace view check_event_before_signup as
with signups as (
    select
        user_id,
        min(signup_date) as signup_date
    from raw_users
    group by user_id
)

select
    raw_events.landing,
    raw_events.source_row,
    'warn' as severity,
    'event ' || raw_events.event_id || ' at ' || raw_events.event_time
    || ' of user ' || raw_events.user_id
    || ', who signed up on ' || signups.signup_date as offence
from raw_events
inner join signups on raw_events.user_id = signups.user_id
where raw_events.event_time < cast(signups.signup_date as timestamp);

{{ comments('check_event_before_signup', check_columns) }}
