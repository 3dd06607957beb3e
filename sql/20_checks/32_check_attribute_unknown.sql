-- check_attribute_unknown: one row per user and attribute that is not one of its allowed values.
-- grain:  landing, source_row, offence
-- reads:  {{ 'raw_users' if listed_attributes }}
-- A warning where no user has an allowed value: then the list belongs to another business, and nobody mistyped.
create or replace view check_attribute_unknown as
{% for c in listed_attributes %}
{{ 'with ' if loop.first }}{{ c.name }}_rows as (
    select
        landing,
        source_row,
        user_id,
        {{ trimmed_lower(c.name) if c.lower_case else c.name }} as given
    from raw_users
    where {{ c.name }} is not null
),

{{ c.name }}_known as (
    select count(*) as known_rows
    from {{ c.name }}_rows
    where given in ({{ c.allowed | map('sql') | join(', ') }})
){{ ',' if not loop.last }}

{% endfor %}
{% for c in listed_attributes %}
select
    {{ c.name }}_rows.landing,
    {{ c.name }}_rows.source_row,
    case when {{ c.name }}_known.known_rows > 0 then 'fail' else 'warn' end as severity,
    'user ' || {{ c.name }}_rows.user_id || {{ (' has ' ~ c.name ~ ' ') | sql }} || {{ c.name }}_rows.given as offence
from {{ c.name }}_rows
cross join {{ c.name }}_known
where
    {{ c.name }}_rows.given not in ({{ c.allowed | map('sql') | join(', ') }})
    and {{ c.name }}_rows.given <> ''{{ ';' if loop.last }}
{{ '
union all
' if not loop.last }}
{% else %}
{{ no_offences() }}
{% endfor %}

{{ comments('check_attribute_unknown', check_columns) }}
