-- check_event_user_unknown: one row per event of a user who is not in the users table; events_clean drops it.
-- grain:  landing, source_row
-- reads:  raw_events, raw_users
create or replace view check_event_user_unknown as
select
    landing,
    source_row,
    'fail' as severity,
    'event ' || event_id || ' is of unknown user ' || user_id as offence
from raw_events
where user_id not in (select raw_users.user_id from raw_users);

{{ comments('check_event_user_unknown', check_columns) }}
