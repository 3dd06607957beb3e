-- check_events_empty: one row when no events have landed at all.
-- grain:  (one row)
-- reads:  raw_events
create or replace view check_events_empty as
select
    cast(0 as integer) as landing,
    cast(0 as bigint) as source_row,
    'fail' as severity,
    'the events table is empty' as offence
from raw_events
having count(*) = 0;

comment on column check_events_empty.landing is 'number of the land command that brought the row';
comment on column check_events_empty.source_row is 'row number within that landing';
comment on column check_events_empty.severity is 'fail: validate exits 1; warn: it is only told';
comment on column check_events_empty.offence is 'what is wrong, with the value';
