-- check_value_out_of_range: one row per event and value outside its configured range.
-- grain:  landing, source_row, offence
-- reads:  {{ 'raw_events' if ranged_values }}
create or replace view check_value_out_of_range as
{% for c in ranged_values %}
select
    landing,
    source_row,
    'fail' as severity,
    'event ' || event_id || {{ (' has ' ~ c.name ~ ' ') | sql }} || {{ c.name }} as offence
from raw_events
where {{ outside(c) }}{{ ';' if loop.last }}
{{ '
union all
' if not loop.last }}
{% else %}
{{ no_offences() }}
{% endfor %}

{{ comments('check_value_out_of_range', check_columns) }}
