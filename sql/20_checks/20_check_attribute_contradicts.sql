-- check_attribute_contradicts: one row per user whose flag contradicts the attribute that it is derived from.
-- grain:  landing, source_row, offence
-- reads:  {{ 'raw_users' if flag_attributes }}
-- Such as the plan paid with is_paid 0, or the plan free with is_paid 1.
create or replace view check_attribute_contradicts as
{% for c in flag_attributes %}
{% set other = c.where_absent.attribute %}
{% set value = c.where_absent.value %}
select
    landing,
    source_row,
    'warn' as severity,
    'user ' || user_id || {{ (' has ' ~ other ~ ' ') | sql }} || {{ other }}
    || {{ (' and ' ~ c.name ~ ' ') | sql }} || {{ c.name }} as offence
from raw_users
where
    {{ trimmed_lower(other) }} = {{ value | sql }} and {{ c.name }} = 0
    or {{ trimmed_lower(other) }} in ({{ others_than(other, value) }}) and {{ c.name }} = 1{{ ';' if loop.last }}
{{ '
union all
' if not loop.last }}
{% else %}
{{ no_offences() }}
{% endfor %}

{{ comments('check_attribute_contradicts', check_columns) }}
