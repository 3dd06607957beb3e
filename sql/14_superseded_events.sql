-- superseded_events: one row per landed event that another row of the same event_id replaces.
-- grain:  landing, source_row
-- reads:  raw_events, repeated_events
-- Of several rows of one event the newest landing counts (it corrects), and in it the first row.
create or replace table superseded_events as
with numbered as (
    select
        landing,
        source_row,
        row_number() over (
            partition by event_id
            order by landing desc, source_row asc
        ) as row_of_event
    from raw_events
    where
        event_id in (select repeated_events.event_id from repeated_events)
        and {{ trimmed_lower('event_type') }} <> ''
)

select
    landing,
    source_row
from numbered
where row_of_event > 1;

comment on column superseded_events.landing is 'number of the land command that brought the row';
comment on column superseded_events.source_row is 'row number within that landing';
