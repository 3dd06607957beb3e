-- superseded_events: one row per landed event that another row of the same event_id replaces.
-- grain:  landing, source_row
-- reads:  raw_events, repeated_events
-- Of several rows of one event the newest landing counts (it corrects), and in it the first row. A superseded row
-- stays superseded, so a build that only adds landings looks at their events only.
{{ 'create or replace table superseded_events as' if after_landing is none else 'insert into superseded_events' }}
with numbered as (
    select
        landing,
        source_row,
        event_id,
        cast(event_time as date) as event_date,
        row_number() over (
            partition by event_id
            order by landing desc, source_row asc
        ) as row_of_event
    from raw_events
    where
{% if after_landing is none %}
        event_id in (select repeated_events.event_id from repeated_events)
{% else %}
        event_id in (select arrived.event_id from {{ arrived_events }} as arrived)
{% endif %}
        and {{ trimmed_lower('event_type') }} <> ''
)

select
    landing,
    source_row,
    event_id,
    event_date
from numbered
where row_of_event > 1{{ ';' if after_landing is none }}
{% if after_landing is not none %}
    and (landing, source_row) not in (
        select (known.landing, known.source_row) from superseded_events as known
    );
{% endif %}

comment on column superseded_events.landing is 'number of the land command that landed the row';
comment on column superseded_events.source_row is 'row number within that landing';
comment on column superseded_events.event_id is 'the event';
comment on column superseded_events.event_date is 'UTC day of this row, on which the event no longer counts';
