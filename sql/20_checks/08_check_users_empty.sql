-- check_users_empty: one row when no users have landed at all.
-- grain:  (one row)
-- reads:  raw_users
create or replace view check_users_empty as
select
    cast(0 as integer) as landing,
    cast(0 as bigint) as source_row,
    'fail' as severity,
    'the users table is empty' as offence
from raw_users
having count(*) = 0;

{{ comments('check_users_empty', check_columns) }}
