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

comment on column check_plan_missing.landing is 'number of the land command that brought the row';
comment on column check_plan_missing.source_row is 'row number within that landing';
comment on column check_plan_missing.severity is 'fail: validate exits 1; warn: it is only told';
comment on column check_plan_missing.offence is 'what is wrong, with the value';
