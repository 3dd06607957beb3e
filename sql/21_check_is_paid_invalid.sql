-- check_is_paid_invalid: one row per user whose is_paid is neither 0 nor 1.
-- grain:  landing, source_row
-- reads:  raw_users
create or replace view check_is_paid_invalid as
select
    landing,
    source_row,
    'fail' as severity,
    'user ' || user_id || ' has is_paid ' || is_paid as offence
from raw_users
where is_paid not in (0, 1);

{{ comments('check_is_paid_invalid', check_columns) }}
