-- check_value_zero: one row per event with 0 where its type must carry a value above 0, such as a voucher's payment.
-- grain:  landing, source_row, offence
-- reads:  {{ 'raw_events' if positive_values }}
-- A failure above 2 % of all such events, below it a warning: one retailer's real log has 80 among 69,659.
create or replace view check_value_zero as
{% for c in positive_values %}
select
    landing,
    source_row,
    case
        when
            count(*) filter (where {{ c.name }} = 0) over () > 0.02 * count(*) over ()
            then 'fail'
        else 'warn'
    end as severity,
    'event ' || event_id || ' of type ' || event_type || {{ (' has ' ~ c.name ~ ' 0') | sql }} as offence
from raw_events
where {{ trimmed_lower('event_type') }} in ({{ c.events | map('sql') | join(', ') }})
qualify {{ c.name }} = 0{{ ';' if loop.last }}
{{ '
union all
' if not loop.last }}
{% else %}
select
    cast(null as integer) as landing,
    cast(null as bigint) as source_row,
    cast(null as varchar) as severity,
    cast(null as varchar) as offence
where false;
{% endfor %}

{{ comments('check_value_zero', check_columns) }}
