-- check_users_value_untyped: one row per users value that could not be typed; its row is used with NULL there.
-- grain:  landing, source_row, offence
-- reads:  quarantine
{% set flags = flag_attributes | map(attribute='name') | map('sql') | join(', ') %}
{% set severity = "case when source_column in (" ~ flags ~ ") then 'fail' else 'warn' end" if flags else "'warn'" %}
create or replace view check_users_value_untyped as
select
    landing,
    source_row,
    {{ severity }} as severity,
    source_column || ' ' || reason || coalesce(': ' || value, '') as offence
from quarantine
where source_table = 'users' and row_is_kept;

{{ comments('check_users_value_untyped', check_columns) }}
