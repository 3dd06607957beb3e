-- check_event_type_unknown: one row per event whose type is not among the configured types.
-- grain:  landing, source_row
-- reads:  {{ 'raw_events' if known_types }}
-- It is kept and counts as activity.
create or replace view check_event_type_unknown as
{% if known_types %}
select
    landing,
    source_row,
    'fail' as severity,
    'event ' || event_id || ' has type ' || event_type as offence
from raw_events
where {{ trimmed_lower('event_type') }} not in (
{% for event_type in known_types %}
    {{ event_type | sql }}{{ ',' if not loop.last }}
{% endfor %}
);
{% else %}
{{ no_offences() }}
{% endif %}

{{ comments('check_event_type_unknown', check_columns) }}
