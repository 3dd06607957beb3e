-- check_watch_minutes_negative: one row per event with fewer than 0 watch minutes.
-- grain:  landing, source_row
-- reads:  raw_events
create or replace view check_watch_minutes_negative as
select
    landing,
    source_row,
    'fail' as severity,
    'event ' || event_id || ' has watch_minutes ' || watch_minutes as offence
from raw_events
where watch_minutes < 0;

{{ comments('check_watch_minutes_negative', check_columns) }}
