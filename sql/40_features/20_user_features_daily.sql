-- user_features_daily: one row per user and day with every feature.
-- grain:  user_id, as_of_date
-- reads:  calendar, user_features
-- Dense: users times days. Ask user_features([date ...]) for a few days instead.
create or replace view user_features_daily as
select
    user_id,
    as_of_date,
    signup_date,
{% for column in feature_columns %}
    {{ column }},
{% endfor %}
    last_activity_date,
    state,
    is_eligible
from user_features((select list(calendar.as_of_date) from calendar));

{{ comments('user_features_daily', key_columns + feature_columns + state_columns) }}
