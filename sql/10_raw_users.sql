-- raw_users: one row per users row as it was landed, typed and otherwise untouched.
-- grain:  landing, source_row
-- reads:  read_parquet
create or replace view raw_users as
select
    landing,
    source_row,
    user_id,
    signup_date,
    plan,
    is_paid,
    country,
    marketing_source,
    engagement_score
from read_parquet({{ users_files | sql }});

comment on column raw_users.landing is 'number of the land command that brought the row';
comment on column raw_users.source_row is 'row number within that landing, from 1, in file order';
comment on column raw_users.user_id is 'the user';
comment on column raw_users.signup_date is 'day of signing up (UTC)';
comment on column raw_users.plan is 'as it came. NULL: none was given';
comment on column raw_users.is_paid is '1 paying, 0 not. NULL: none was given';
comment on column raw_users.country is 'as it came. NULL: none was given';
comment on column raw_users.marketing_source is 'as it came. NULL: none was given';
comment on column raw_users.engagement_score is 'as it came, 0 to 1. NULL: none was given';
