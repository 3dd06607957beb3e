-- check_events_value_untyped: one row per events value that could not be typed; its row is used with NULL there.
-- grain:  landing, source_row, offence
-- reads:  quarantine
create or replace view check_events_value_untyped as
select
    landing,
    source_row,
    'warn' as severity,
    source_column || ' ' || reason || coalesce(': ' || value, '') as offence
from quarantine
where source_table = 'events' and row_is_kept;

{{ comments('check_events_value_untyped', check_columns) }}
