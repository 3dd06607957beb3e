-- check_event_id_duplicate: one row per events row whose event_id stood in an earlier row of the same landing.
-- grain:  landing, source_row
-- reads:  raw_events
-- The same event_id in a later landing is a correction, not an offence.
create or replace view check_event_id_duplicate as
with numbered as (
    select
        landing,
        source_row,
        event_id,
        row_number() over (
            partition by landing, event_id
            order by source_row asc
        ) as occurrence
    from raw_events
)

select
    landing,
    source_row,
    'fail' as severity,
    'event_id ' || event_id || ' again, for the ' || occurrence || '. time' as offence
from numbered
where occurrence > 1;

comment on column check_event_id_duplicate.landing is 'number of the land command that brought the row';
comment on column check_event_id_duplicate.source_row is 'row number within that landing';
comment on column check_event_id_duplicate.severity is 'fail: validate exits 1; warn: it is only told';
comment on column check_event_id_duplicate.offence is 'what is wrong, with the value';
