-- repeated_events: one row per event_id that occurs in more than one landed row.
-- grain:  event_id
-- reads:  raw_events
-- Ids that only rise in reading order cannot repeat. Then nothing is counted, and a long log in its own order costs
-- one pass over its ids.
create or replace view repeated_events as
with steps as (
    select
        event_id,
        lag(event_id) over () as event_id_before
    from raw_events
),

rising as (
    select coalesce(bool_and(event_id > event_id_before), true) as ids_only_rise
    from steps
)

select event_id
from raw_events
where not (select rising.ids_only_rise from rising)
group by event_id
having count(*) > 1;

comment on column repeated_events.event_id is 'the event';
