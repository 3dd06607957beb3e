-- check_users_column_missing: one row per landed users file that lacks a column of the contract.
-- grain:  landing, offence
-- reads:  landings
-- engagement_score is optional and never missed.
create or replace view check_users_column_missing as
select
    landing,
    cast(0 as bigint) as source_row,
    'fail' as severity,
    source_file || ' lacks ' || missing_columns
    || ' (add an empty column where there is nothing to say)' as offence
from landings
where source_table = 'users' and missing_columns <> '';

{{ comments('check_users_column_missing', check_columns) }}
