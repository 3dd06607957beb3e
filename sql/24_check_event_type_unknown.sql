-- check_event_type_unknown: one row per event whose type is not in the contract's list.
-- grain:  landing, source_row
-- reads:  raw_events
-- It is kept and counts as activity.
create or replace view check_event_type_unknown as
select
    landing,
    source_row,
    'fail' as severity,
    'event ' || event_id || ' has type ' || event_type as offence
from raw_events
where {{ trimmed_lower('event_type') }} not in (
{% for event_type in event_types %}
    '{{ event_type }}'{{ ',' if not loop.last }}
{% endfor %}
);

{{ comments('check_event_type_unknown', check_columns) }}
