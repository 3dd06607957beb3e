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

{{ comments('check_is_paid_contradicts_plan', check_columns) }}
