-- check_is_paid_contradicts_plan: one row per user on the paid plan who does not pay, or on the free plan who does.
-- grain:  landing, source_row
-- reads:  raw_users
create or replace view check_is_paid_contradicts_plan as
select
    landing,
    source_row,
    'warn' as severity,
    'user ' || user_id || ' has plan ' || plan || ' and is_paid ' || is_paid as offence
from raw_users
where (
    {{ trimmed_lower('plan') }} = 'paid' and is_paid = 0
    or {{ trimmed_lower('plan') }} = 'free' and is_paid = 1
);

comment on column check_is_paid_contradicts_plan.landing is 'number of the land command that brought the row';
comment on column check_is_paid_contradicts_plan.source_row is 'row number within that landing';
comment on column check_is_paid_contradicts_plan.severity is 'fail: validate exits 1; warn: it is only told';
comment on column check_is_paid_contradicts_plan.offence is 'what is wrong, with the value';
