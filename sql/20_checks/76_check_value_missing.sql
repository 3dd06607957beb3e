-- check_value_missing: one row per event without the value that its type must carry.
-- grain:  landing, source_row, offence
-- reads:  {{ 'raw_events' if carried_values }}
create or replace view check_value_missing as
{% for c in carried_values %}
select
    landing,
    source_row,
    'fail' as severity,
    'event ' || event_id || ' of type ' || event_type || {{ (' has no ' ~ c.name) | sql }} as offence
from raw_events
where
    {{ trimmed_lower('event_type') }} in ({{ c.events | map('sql') | join(', ') }})
    and {{ c.name }} is null{{ ';' if loop.last }}
{{ '
union all
' if not loop.last }}
{% else %}
{{ no_offences() }}
{% endfor %}

{{ comments('check_value_missing', check_columns) }}
