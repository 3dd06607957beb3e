-- check_logging_gap: one row per run of days on which far fewer events were logged than such days have.
-- grain:  source_row
-- reads:  raw_events
-- Such days give no labels: nobody knows who came. logging_gaps is the same of clean events up to the as-of date.
create or replace view check_logging_gap as
{% import 'shared/gaps.sql.jinja' as shared with context %}
with counted as (
    select
        cast(event_time as date) as event_date,
        count(*) as total_events
    from raw_events
    where event_time is not null
    group by cast(event_time as date)
),

days as (
    select cast(unnest(generate_series(min(event_date), max(event_date), interval 1 day)) as date) as as_of_date
    from counted
),

volumes as (
    select
        days.as_of_date,
        coalesce(counted.total_events, 0) as total_events
    from days
    left join counted on days.as_of_date = counted.event_date
),

{{ shared.gaps() }}

select
    cast(null as integer) as landing,
    row_number() over (
        order by first_gap_date
    ) as source_row,
    'warn' as severity,
    gap_days || ' days from ' || first_gap_date || ' to ' || last_gap_date || ' with ' || total_events
    || ' events where about ' || cast(round(usual_events) as bigint)
    || ' are usual, so that these days give no labels' as offence
from gaps;

{{ comments('check_logging_gap', check_columns) }}
