-- user_daily: one row per user and day, active or not.
-- grain:  user_id, as_of_date
-- reads:  users_clean, calendar, user_activity
-- Dense: users times days. For people and ad-hoc questions; no other view reads it.
create or replace view user_daily as
select
    users_clean.user_id,
    calendar.as_of_date,
    users_clean.signup_date,
    greatest(
        date_diff('day', users_clean.signup_date, calendar.as_of_date), 0
    ) as days_since_signup,
{% for column in attribute_columns %}
    users_clean.{{ column }},
{% endfor %}
    coalesce(user_activity.is_active_day, 0) as is_active_day,
    coalesce(user_activity.total_events, 0) as total_events{{ ',' if measures }}
{% for m in measures %}
{% set column = 'user_activity.' ~ m.daily_column %}
{% if m.aggregate == 'count' %}
    coalesce({{ column }}, 0) as {{ m.daily_column }}{{ ',' if not loop.last }}
{% elif m.aggregate == 'distinct' %}
    coalesce(len({{ column }}), 0) as {{ m.daily_column }}{{ ',' if not loop.last }}
{% elif m.is_zero_without %}
    coalesce(
        round({{ column }}, 9), 0
    ) as {{ m.daily_column }}{{ ',' if not loop.last }}
{% else %}
    round({{ column }}, 9) as {{ m.daily_column }}{{ ',' if not loop.last }}
{% endif %}
{% endfor %}
from users_clean
cross join calendar
left join user_activity
    on
        users_clean.user_id = user_activity.user_id
        and calendar.as_of_date = user_activity.activity_date;

{{ comments('user_daily', key_columns + ['days_since_signup'] + attribute_columns + daily_columns) }}
