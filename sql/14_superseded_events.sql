-- superseded_events: one row per landed event that another row of the same event_id replaces.
-- grain:  landing, source_row
-- reads:  raw_events
-- Of several rows of one event the newest landing counts (it corrects), and in it the first row. Ids that only rise, in
-- whatever order they are read, cannot repeat: then nothing is looked up, and the table is empty.
create or replace table superseded_events as
with steps as (
    select
        event_id,
        lag(event_id) over () as event_id_before
    from raw_events
),

rising as (
    select coalesce(bool_and(event_id > event_id_before), true) as ids_only_rise
    from steps
),

repeated as (
    select event_id
    from raw_events
    where
        not (select rising.ids_only_rise from rising)
        and {{ trimmed_lower('event_type') }} <> ''
    group by event_id
    having count(*) > 1
),

numbered as (
    select
        raw_events.landing,
        raw_events.source_row,
        row_number() over (
            partition by raw_events.event_id
            order by raw_events.landing desc, raw_events.source_row asc
        ) as row_of_event
    from raw_events
    where
        raw_events.event_id in (select repeated.event_id from repeated)
        and {{ trimmed_lower('raw_events.event_type') }} <> ''
)

select
    landing,
    source_row
from numbered
where row_of_event > 1;

comment on column superseded_events.landing is 'number of the land command that brought the row';
comment on column superseded_events.source_row is 'row number within that landing';
