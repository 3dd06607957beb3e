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

{{ comments('check_events_empty', check_columns) }}
