-- active_days: one row per user and day between two days, both included, on which the user did anything.
-- grain:  user_id, activity_date
-- reads:  events_clean, users_clean
-- A table macro: from active_days(date '2025-04-01', date '2025-04-30'). The one definition of the daily measures.
-- Means and sums of fractions are kept in steps of 2^-34, so that adding them up is exact, and thus the same in any
-- order and with any number of threads.
create or replace macro active_days(first_day, last_day) as table
with valued as (
    select
        user_id,
        event_date as activity_date,
        event_type{{ ',' if measured_values }}
{% for value in measured_values %}
        {{ value.name if value.type == 'text' else exact(value.name) }} as {{ value.name }}{{ ',' if not loop.last }}
{% endfor %}
    from events_clean
    where
        event_time >= cast(first_day as timestamp)
        and event_time < cast(cast(last_day as date) + 1 as timestamp)
),

daily as (
    select
        user_id,
        activity_date,
        count(*) as total_events,
        count(*){{ of_types(activity_types, silent_types) }} as activity_events{{ ',' if measures }}
{% for m in measures %}
{% set only = of_types(m.events) %}
{% set comma = ',' if not loop.last %}
{% if m.aggregate == 'count' %}
        count(*){{ only }} as {{ m.daily_column }}{{ comma }}
{% elif m.aggregate == 'distinct' %}
        list(distinct {{ m.column }}){{ of_types(m.events, also=m.column ~ ' is not null') }}
            as {{ m.daily_column }}{{ comma }}
{% elif m.aggregate == 'sum' %}
        coalesce(
            sum({{ m.column }}){{ only }},
            cast(0 as double)
        ) as {{ m.daily_column }}{{ comma }}
{% elif m.aggregate == 'max' %}
        max({{ m.column }}){{ only }} as {{ m.daily_column }}{{ comma }}
{% else %}
        sum({{ m.column }}){{ only }}
        / nullif(count({{ m.column }}){{ only }}, 0)
            as {{ m.daily_column }}{{ comma }}
{% endif %}
{% endfor %}
    from valued
    group by user_id, activity_date
)

select
    daily.user_id,
    users_clean.user_bucket,
    daily.activity_date,
    cast(daily.activity_events > 0 as integer) as is_active_day,
    cast(daily.total_events as integer) as total_events{{ ',' if measures }}
{% for m in measures %}
{% if m.aggregate == 'count' %}
    cast(daily.{{ m.daily_column }} as integer) as {{ m.daily_column }}{{ ',' if not loop.last }}
{% elif m.aggregate == 'distinct' %}
    daily.{{ m.daily_column }}{{ ',' if not loop.last }}
{% else %}
    {{ exact('daily.' ~ m.daily_column) }} as {{ m.daily_column }}{{ ',' if not loop.last }}
{% endif %}
{% endfor %}
from daily
inner join users_clean on daily.user_id = users_clean.user_id;
