-- check_plan_unknown: one row per user whose plan is neither free nor paid.
-- grain:  landing, source_row
-- reads:  raw_users
-- Where no user at all is free or paid the column speaks another business's language: a warning, not a typing error.
create or replace view check_plan_unknown as
with named as (
    select
        landing,
        source_row,
        user_id,
        {{ trimmed_lower('plan') }} as plan
    from raw_users
    where plan is not null
),

vocabulary as (
    select count(*) filter (where plan in ('free', 'paid')) as known_rows
    from named
)

select
    named.landing,
    named.source_row,
    case when vocabulary.known_rows > 0 then 'fail' else 'warn' end as severity,
    'user ' || named.user_id || ' has plan ' || named.plan as offence
from named
cross join vocabulary
where named.plan not in ('free', 'paid') and named.plan <> '';

{{ comments('check_plan_unknown', check_columns) }}
