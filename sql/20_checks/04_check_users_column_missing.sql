-- check_users_column_missing: one row per landed users file that lacks an expected column.
-- grain:  landing, offence
-- reads:  landings
-- A column with `optional: true` is never reported.
create or replace view check_users_column_missing as
select
    landing,
    cast(0 as bigint) as source_row,
    'fail' as severity,
    source_file || ' lacks ' || missing_columns
    || ' (add an empty column if there is no data)' as offence
from landings
where source_table = 'users' and missing_columns <> '';

{{ comments('check_users_column_missing', check_columns) }}
