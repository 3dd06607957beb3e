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

comment on column check_watch_minutes_negative.landing is 'number of the land command that brought the row';
comment on column check_watch_minutes_negative.source_row is 'row number within that landing';
comment on column check_watch_minutes_negative.severity is 'fail: validate exits 1; warn: it is only told';
comment on column check_watch_minutes_negative.offence is 'what is wrong, with the value';
