-- raw_users: one row per users row as it was landed, typed and otherwise untouched.
-- grain:  landing, source_row
-- reads:  read_parquet
create or replace view raw_users as
select
    landing,
    source_row,
    user_id,
    signup_date{{ ',' if attributes }}
{% for attribute in attributes %}
    {{ attribute.name }}{{ ',' if not loop.last }}
{% endfor %}
from read_parquet({{ users_files | sql }});

comment on column raw_users.landing is 'number of the land command that landed the row';
comment on column raw_users.source_row is 'row number within that landing, from 1, in file order';
comment on column raw_users.user_id is 'the user';
comment on column raw_users.signup_date is 'day of signing up (UTC)';
{% for attribute in attributes %}
comment on column raw_users.{{ attribute.name }} is 'as in the source. NULL: none was given';
{% endfor %}
