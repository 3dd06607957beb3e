-- users_clean: one row per user with an id, a signup date and a plan.
-- grain:  user_id
-- reads:  raw_users, landings
-- Of several rows of one user the newest landing counts, and in it the first row.
create or replace view users_clean as
with without_is_paid as (
    select distinct landing
    from landings
    where source_table = 'users' and missing_columns like '%is_paid%'
),

normalised as (
    select
        raw_users.user_id,
        raw_users.signup_date,
        {{ trimmed_lower('raw_users.plan') }} as plan,
        raw_users.is_paid,
        without_is_paid.landing is not null as is_paid_column_is_missing,
        raw_users.country,
        raw_users.marketing_source,
        raw_users.engagement_score,
        raw_users.landing,
        raw_users.source_row
    from raw_users
    left join without_is_paid on raw_users.landing = without_is_paid.landing
),

numbered as (
    select
        user_id,
        signup_date,
        plan,
        case
            when is_paid_column_is_missing then cast(plan = 'paid' as bigint)
            else cast(coalesce(is_paid, 0) as bigint)
        end as is_paid,
        country,
        marketing_source,
        engagement_score,
        row_number() over (
            partition by user_id
            order by landing desc, source_row asc
        ) as row_of_user
    from normalised
    where user_id is not null and signup_date is not null and plan <> ''
)

select
    user_id,
    signup_date,
    plan,
    is_paid,
    country,
    marketing_source,
    engagement_score
from numbered
where row_of_user = 1;

comment on column users_clean.user_id is 'the user';
comment on column users_clean.signup_date is 'day of signing up (UTC)';
comment on column users_clean.plan is 'lower case, trimmed';
comment on column users_clean.is_paid is '1 paying, 0 not or not said; from plan where the column was not landed';
comment on column users_clean.country is 'as it came. NULL: none was given';
comment on column users_clean.marketing_source is 'as it came. NULL: none was given';
comment on column users_clean.engagement_score is 'as it came, 0 to 1. NULL: none was given';
