-- check_value_on_other_event: one row per event that carries a value which only other types carry.
-- grain:  landing, source_row, offence
-- reads:  {{ 'raw_events' if carried_values }}
-- A failure above 2 % of all events, below it a warning.
create or replace view check_value_on_other_event as
{% for c in carried_values %}
{% set is_other = trimmed_lower('event_type') ~ ' not in (' ~ c.events | map('sql') | join(', ') ~ ')' %}
(
    with total as (
        select
            cast(count(*) filter (where {{ is_other }} and {{ c.name }} is not null) as double)
            / nullif(count(*), 0) as offending_share
        from raw_events
    )

    select
        raw_events.landing,
        raw_events.source_row,
        case when total.offending_share > 0.02 then 'fail' else 'warn' end as severity,
        'event ' || raw_events.event_id || ' of type ' || raw_events.event_type
        || {{ (' has ' ~ c.name ~ ' ') | sql }} || raw_events.{{ c.name }} as offence
    from raw_events
    cross join total
    where {{ is_other }} and raw_events.{{ c.name }} is not null
){{ ';' if loop.last }}
{{ '
union all
' if not loop.last }}
{% else %}
{{ no_offences() }}
{% endfor %}

{{ comments('check_value_on_other_event', check_columns) }}
