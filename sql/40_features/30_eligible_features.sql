-- eligible_features: one row per eligible user and asked-for day with every feature, known at the end of that day.
-- grain:  user_id, as_of_date
-- reads:  {{ 'user_features' if settings.population.active_within_days is none else eligible_reads }}
{% if settings.population.active_within_days is none %}
-- A table macro: from eligible_features([date '2025-04-30']). Everyone is eligible: the same as user_features.
create or replace macro eligible_features(as_of_dates) as table
select
    user_id,
    user_bucket,
    as_of_date,
    signup_date,
{% for column in feature_columns %}
    {{ column }},
{% endfor %}
    last_activity_date,
    state,
    is_eligible
from user_features(as_of_dates);
{% else %}
-- A table macro: from eligible_features([date '2025-04-30']). The rows of user_features that are eligible, by the same
-- definitions, and reading only the days that the windows and active_within_days look back on.
create or replace macro eligible_features(as_of_dates) as table
{% import 'shared/features.sql.jinja' as features with context %}
{{ features.windowed() }}

select
    windowed.user_id,
    windowed.user_bucket,
    windowed.as_of_date,
    users_clean.signup_date,
    date_diff('day', users_clean.signup_date, windowed.as_of_date) as days_since_signup,
{% for column in attribute_columns %}
    users_clean.{{ column }},
{% endfor %}
    {{ features.measured('windowed') | trim }}
    date_diff('day', windowed.last_activity_date, windowed.as_of_date) as days_since_last_activity,
    {{ silent_share(
        "date_diff('day', windowed.last_activity_date, windowed.as_of_date)",
        "date_diff('day', users_clean.signup_date, windowed.as_of_date)"
    ) }} as silent_share,
{% if settings.features.history %}
    {{ features.remembered('windowed.as_of_date') | trim }}
{% endif %}
{% if ratios %}
    {{ features.ratios_of('windowed') | trim }}
{% endif %}
    windowed.last_activity_date,
    'active' as state,
    true as is_eligible
from windowed
inner join users_clean on windowed.user_id = users_clean.user_id
{{ features.today_of('windowed') }}
{% if settings.features.history %}
inner join user_history as history
    on
        windowed.user_id = history.user_id
        and windowed.user_bucket = history.user_bucket
        and windowed.last_event_date = history.activity_date
{% endif %}
cross join params
where
    date_diff('day', windowed.last_activity_date, windowed.as_of_date) < params.active_within_days
    and users_clean.signup_date <= windowed.as_of_date;
{% endif %}
