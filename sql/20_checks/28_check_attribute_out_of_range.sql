-- check_attribute_out_of_range: one row per user and attribute outside its configured range.
-- grain:  landing, source_row, offence
-- reads:  {{ 'raw_users' if ranged_attributes }}
create or replace view check_attribute_out_of_range as
{% for c in ranged_attributes %}
select
    landing,
    source_row,
    'fail' as severity,
    'user ' || user_id || {{ (' has ' ~ c.name ~ ' ') | sql }} || {{ c.name }} as offence
from raw_users
where {{ outside(c) }}{{ ';' if loop.last }}
{{ '
union all
' if not loop.last }}
{% else %}
{{ no_offences() }}
{% endfor %}

{{ comments('check_attribute_out_of_range', check_columns) }}
