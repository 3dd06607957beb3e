-- user_activity: one row per user and day on which the user did anything.
-- grain:  user_id, activity_date
-- reads:  events_clean
-- The one big table; days without events have no row. Means and sums of fractions are kept in steps of 2^-34, so that
-- adding them up is exact, and thus the same in any order and with any number of threads.
create or replace table user_activity as
with valued as (
    select
        user_id,
        event_date as activity_date,
        event_type{{ ',' if valued_columns }}
{% for column in valued_columns %}
        {{ exact(column) }} as {{ column }}{{ ',' if not loop.last }}
{% endfor %}
    from events_clean
),

daily as (
    select
        user_id,
        activity_date,
        count(*) as total_events,
{% for m in measures %}
{% set only = "filter (where event_type = '%s')" % m.event_type %}
{% set comma = ',' if not loop.last %}
{% if m.aggregation == 'count' %}
        count(*) {{ only }} as {{ m.daily_column }}{{ comma }}
{% elif m.aggregation == 'sum' %}
        coalesce(
            sum({{ m.column }}) {{ only }},
            cast(0 as double)
        ) as {{ m.daily_column }}{{ comma }}
{% else %}
        sum({{ m.column }}) {{ only }}
        / nullif(count({{ m.column }}) {{ only }}, 0)
            as {{ m.daily_column }}{{ comma }}
{% endif %}
{% endfor %}
    from valued
    group by user_id, activity_date
)

select
    user_id,
    activity_date,
    cast(total_events as integer) as total_events,
{% for m in measures %}
{% if m.aggregation == 'count' %}
    cast({{ m.daily_column }} as integer) as {{ m.daily_column }}{{ ',' if not loop.last }}
{% else %}
    {{ exact(m.daily_column) }} as {{ m.daily_column }}{{ ',' if not loop.last }}
{% endif %}
{% endfor %}
from daily
order by activity_date, user_id;

comment on column user_activity.user_id is 'the user';
comment on column user_activity.activity_date is 'UTC day with at least one event';
{{ comments('user_activity', ['total_events'] + measures | map(attribute='daily_column') | list) }}
