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

comment on column check_event_in_future.landing is 'number of the land command that brought the row';
comment on column check_event_in_future.source_row is 'row number within that landing';
comment on column check_event_in_future.severity is 'fail: validate exits 1; warn: it is only told';
comment on column check_event_in_future.offence is 'what is wrong, with the value';
