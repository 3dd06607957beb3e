-- users_clean: one row per user with an id, a signup date and every required attribute.
-- grain:  user_id
-- reads:  users_clean_after
-- A build that only adds landings replaces the users in them.
{% if after_landing is none %}
create or replace table users_clean as
{% else %}
merge into users_clean using (
{% endif %}
select
    user_id,
    user_bucket,
    signup_date{{ ',' if attributes }}
{% for a in attributes %}
    {{ a.name }}{{ ',' if not loop.last }}
{% endfor %}
from users_clean_after({{ after_landing or 0 }})
order by user_id{{ ';' if after_landing is none }}
{% if after_landing is not none %}
) as arrived
    using (user_id)
when matched then update
when not matched then insert;
{% endif %}

comment on column users_clean.user_id is 'the user';
comment on column users_clean.user_bucket is {{ column_comments['user_bucket'] | sql }};
comment on column users_clean.signup_date is 'day of signing up (UTC)';
{{ comments('users_clean', attribute_columns) }}
