-- check_attribute_missing: one row per user and required attribute that is missing; users_clean drops the user.
-- grain:  landing, source_row, offence
-- reads:  {{ 'raw_users' if required_attributes }}
create or replace view check_attribute_missing as
{% for c in required_attributes %}
select
    landing,
    source_row,
    'fail' as severity,
    'user ' || user_id || {{ (' has no ' ~ c.name) | sql }} as offence
from raw_users
where {{ trimmed_lower('coalesce(cast(' ~ c.name ~ ' as varchar), chr(32))') }} = ''{{ ';' if loop.last }}
{{ '
union all
' if not loop.last }}
{% else %}
{{ no_offences() }}
{% endfor %}

{{ comments('check_attribute_missing', check_columns) }}
