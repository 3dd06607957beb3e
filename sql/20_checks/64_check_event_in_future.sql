-- check_event_in_future: one row per event later than the moment it was landed.
-- grain:  landing, source_row
-- reads:  raw_events, landings
-- The as-of date never goes past the last complete day before landing, so such events move nothing.
create or replace view check_event_in_future as
with moments as (
    select
        landing,
        max(landed_at) as landed_at
    from landings
    where source_table = 'events'
    group by landing
)

select
    raw_events.landing,
    raw_events.source_row,
    'warn' as severity,
    'event ' || raw_events.event_id || ' at ' || raw_events.event_time
    || ' landed at ' || moments.landed_at as offence
from raw_events
inner join moments on raw_events.landing = moments.landing
where raw_events.event_time > moments.landed_at;

{{ comments('check_event_in_future', check_columns) }}
