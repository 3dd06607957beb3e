-- check_plan_missing: one row per user without a plan; users_clean drops it.
-- grain:  landing, source_row
-- reads:  raw_users
create or replace view check_plan_missing as
select
    landing,
    source_row,
    'fail' as severity,
    'user ' || user_id || ' has no plan' as offence
from raw_users
where {{ trimmed_lower('coalesce(plan, chr(32))') }} = '';

{{ comments('check_plan_missing', check_columns) }}
