-- check_value_zero: one row per event with 0 where its type must carry a value above 0, such as a payment by voucher.
-- grain:  landing, source_row, offence
-- reads:  {{ 'raw_events' if positive_values }}
-- A failure above 2 % of all such events, below it a warning: one retailer's real log has 80 among 69,659.
create or replace view check_value_zero as
{% for c in positive_values %}
{% set carries = trimmed_lower('event_type') ~ ' in (' ~ c.events | map('sql') | join(', ') ~ ')' %}
(
    with total as (
        select
            cast(count(*) filter (where {{ c.name }} = 0) as double)
            / nullif(count(*), 0) as offending_share
        from raw_events
        where {{ carries }}
    )

    select
        raw_events.landing,
        raw_events.source_row,
        case when total.offending_share > 0.02 then 'fail' else 'warn' end as severity,
        'event ' || raw_events.event_id || ' of type ' || raw_events.event_type
        || {{ (' has ' ~ c.name ~ ' 0') | sql }} as offence
    from raw_events
    cross join total
    where {{ carries }} and raw_events.{{ c.name }} = 0
){{ ';' if loop.last }}
{{ '
union all
' if not loop.last }}
{% else %}
{{ no_offences() }}
{% endfor %}

{{ comments('check_value_zero', check_columns) }}
