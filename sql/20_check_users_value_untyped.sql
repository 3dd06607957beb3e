-- check_users_value_untyped: one row per users value that could not be typed; its row is used with NULL there.
-- grain:  landing, source_row, offence
-- reads:  quarantine
create or replace view check_users_value_untyped as
select
    landing,
    source_row,
    case when source_column = 'is_paid' then 'fail' else 'warn' end as severity,
    source_column || ' ' || reason || coalesce(': ' || value, '') as offence
from quarantine
where source_table = 'users' and row_is_kept;

{{ comments('check_users_value_untyped', check_columns) }}
