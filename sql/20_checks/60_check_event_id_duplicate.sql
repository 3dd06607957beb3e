-- check_event_id_duplicate: one row per events row whose event_id is in an earlier row of the same landing.
-- grain:  landing, source_row
-- reads:  raw_events, repeated_events
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
    where event_id in (select repeated_events.event_id from repeated_events)
)

select
    landing,
    source_row,
    'fail' as severity,
    'event_id ' || event_id || ' is repeated (occurrence ' || occurrence || ' in this landing)' as offence
from numbered
where occurrence > 1;

{{ comments('check_event_id_duplicate', check_columns) }}
