-- user_activity: one row per user and day on which the user did anything.
-- grain:  user_id, activity_date
-- reads:  active_days
-- The one big table; days without events have no row. It is made and kept period by period, and within a period by
-- bucket of users, so that a day or a share of the users reads only its part, and making it needs the memory of one
-- period. A build that only adds landings makes the changed_days anew.
{% for first_day, last_day in activity_periods %}
{% if after_landing is not none %}
delete from user_activity
where activity_date between {{ first_day | sql }} and {{ last_day | sql }};

{% endif %}
{% set adds = after_landing is not none or not loop.first %}
{{ 'create or replace table user_activity as' if not adds else 'insert into user_activity' }}
select
    user_id,
    user_bucket,
    activity_date,
    is_active_day,
    total_events{{ ',' if measures }}
{% for m in measures %}
    {{ m.daily_column }}{{ ',' if not loop.last }}
{% endfor %}
from active_days(date {{ first_day | sql }}, date {{ last_day | sql }})
order by user_bucket, user_id, activity_date;

{% endfor %}
comment on column user_activity.user_id is 'the user';
comment on column user_activity.user_bucket is {{ column_comments['user_bucket'] | sql }};
comment on column user_activity.activity_date is 'UTC day with at least one event';
{{ comments('user_activity', ['is_active_day', 'total_events']) }}
{% for m in measures %}
{% set which = 'the ' if m.aggregate == 'distinct' else '' %}
comment on column user_activity.{{ m.daily_column }} is {{ (which ~ column_comments[m.daily_column]) | sql }};
{% endfor %}
