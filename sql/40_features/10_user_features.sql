-- user_features: one row per user and asked-for day with every feature, known at the end of that day.
-- grain:  user_id, as_of_date
-- reads:  user_activity, user_states, users_clean, {{ 'user_history, ' if settings.features.history }}params
-- The one definition of every feature. A table macro: from user_features([date '2025-04-30']).
-- Active days meet the days that look back on them (an equi-join), so cost follows activity, not users times calendar.
-- Exact sums of the steps of 2^-34 in user_activity are rounded to 9 decimals, to read as people wrote them.
create or replace macro user_features(as_of_dates) as table
{% import 'shared/features.sql.jinja' as features with context %}
{{ features.windowed() }}

select
    user_states.user_id,
    user_states.user_bucket,
    user_states.as_of_date,
    user_states.signup_date,
    user_states.days_since_signup,
{% for column in attribute_columns %}
    users_clean.{{ column }},
{% endfor %}
    {{ features.measured('windowed') | trim }}
    user_states.days_since_last_activity,
    {{ silent_share('user_states.days_since_last_activity', 'user_states.days_since_signup') }} as silent_share,
{% if settings.features.history %}
    {{ features.remembered('user_states.as_of_date') | trim }}
{% endif %}
{% if ratios %}
    {{ features.ratios_of('windowed') | trim }}
{% endif %}
    user_states.last_activity_date,
    user_states.state,
    user_states.is_eligible
from user_states(as_of_dates) as user_states
inner join users_clean on user_states.user_id = users_clean.user_id
left join windowed
    on
        user_states.user_id = windowed.user_id
        and user_states.user_bucket = windowed.user_bucket
        and user_states.as_of_date = windowed.as_of_date
{{ features.today_of('user_states') }}{{ ';' if not settings.features.history }}
{% if settings.features.history %}
asof left join user_history as history
    on
        user_states.user_id = history.user_id
        and user_states.user_bucket = history.user_bucket
        and user_states.as_of_date >= history.activity_date;
{% endif %}
