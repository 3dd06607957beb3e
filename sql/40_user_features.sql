-- user_features: one row per user and asked-for day with every feature, known at the end of that day.
-- grain:  user_id, as_of_date
-- reads:  user_activity, user_states, users_clean, params
-- The one definition of every feature. A table macro: from user_features([date '2025-04-30']).
-- Active days meet the days that look back on them (an equi-join), so cost follows activity, not users times calendar.
-- Exact sums of the steps of 2^-34 in user_activity are rounded to 9 decimals, to read as people wrote them.
create or replace macro user_features(as_of_dates) as table
with asked as (
    select unnest(as_of_dates) as as_of_day
),

ages as (
    select unnest(generate_series(0, largest_window_days - 1)) as age
    from params
),

lookback as (
    select
        cast(asked.as_of_day as date) as as_of_date,
        cast(ages.age as integer) as age,
        cast(asked.as_of_day as date) - cast(ages.age as integer) as activity_date
    from asked
    cross join ages
),

aged as (
    select
        user_activity.user_id,
        lookback.as_of_date,
        cast(lookback.age = 0 as integer) as on_day,
{% for w in windows %}
        cast(lookback.age < {{ w }} as integer) as in_{{ w }}d,
{% endfor %}
        user_activity.total_events,
{% for m in measures %}
        user_activity.{{ m.daily_column }}{{ ',' if not loop.last }}
{% endfor %}
    from user_activity
    inner join lookback on user_activity.activity_date = lookback.activity_date
),

windowed as (
    select
        user_id,
        as_of_date,
        {{ summed('total_events', 'on_day') }} as total_events,
{% for m in measures %}
{% if m.aggregation == 'mean' %}
        max(
            case when on_day = 1 then round({{ m.daily_column }}, 9) end
        ) as {{ m.daily_column }},
{% else %}
        {{ summed(m.daily_column, 'on_day', m.aggregation) }} as {{ m.daily_column }},
{% endif %}
{% endfor %}
{% for w in windows %}
{% set last_window = loop.last %}
        cast(sum(in_{{ w }}d) as bigint) as active_days_{{ w }}d,
        {{ summed('total_events', 'in_%dd' % w) }} as events_{{ w }}d,
{% for m in measures %}
{% set comma = '' if loop.last and last_window else ',' %}
{% if m.aggregation == 'mean' %}
        round(
            sum({{ m.daily_column }} * in_{{ w }}d)
            / nullif(count({{ m.daily_column }}) filter (where in_{{ w }}d = 1), 0), 9
        ) as {{ m.name }}_{{ w }}d{{ comma }}
{% else %}
        {{ summed(m.daily_column, 'in_%dd' % w, m.aggregation) }} as {{ m.name }}_{{ w }}d{{ comma }}
{% endif %}
{% endfor %}
{% endfor %}
    from aged
    group by user_id, as_of_date
)

select
    user_states.user_id,
    user_states.as_of_date,
    user_states.signup_date,
    user_states.days_since_signup,
    users_clean.plan,
    users_clean.is_paid,
    users_clean.country,
    users_clean.marketing_source,
    users_clean.engagement_score,
    cast(coalesce(windowed.total_events, 0) > 0 as integer) as is_active_day,
    coalesce(windowed.total_events, 0) as total_events,
{% for m in measures %}
{% if m.aggregation == 'mean' %}
    windowed.{{ m.daily_column }},
{% else %}
    coalesce(windowed.{{ m.daily_column }}, 0) as {{ m.daily_column }},
{% endif %}
{% endfor %}
{% for w in windows %}
    coalesce(windowed.active_days_{{ w }}d, 0) as active_days_{{ w }}d,
    coalesce(windowed.events_{{ w }}d, 0) as events_{{ w }}d,
{% for m in measures %}
{% if m.aggregation == 'mean' %}
    windowed.{{ m.name }}_{{ w }}d,
{% else %}
    coalesce(windowed.{{ m.name }}_{{ w }}d, 0) as {{ m.name }}_{{ w }}d,
{% endif %}
{% endfor %}
{% endfor %}
    user_states.days_since_last_activity,
    coalesce(
        cast(windowed.payment_failed_{{ rate_window }}d as double)
        / nullif(
            windowed.payment_failed_{{ rate_window }}d
            + windowed.payment_success_{{ rate_window }}d, 0
        ),
        cast(0 as double)
    ) as payment_fail_rate_30d,
    user_states.last_activity_date,
    user_states.state,
    user_states.is_eligible
from user_states(as_of_dates) as user_states
inner join users_clean on user_states.user_id = users_clean.user_id
left join windowed
    on
        user_states.user_id = windowed.user_id
        and user_states.as_of_date = windowed.as_of_date;
