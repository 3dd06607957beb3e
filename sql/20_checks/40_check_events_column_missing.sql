-- check_events_column_missing: one row per landed events file that lacks an expected column.
-- grain:  landing, offence
-- reads:  landings
create or replace view check_events_column_missing as
select
    landing,
    cast(0 as bigint) as source_row,
    'fail' as severity,
    source_file || ' lacks ' || missing_columns
    || ' (add an empty column if there is no data)' as offence
from landings
where source_table = 'events' and missing_columns <> '';

{{ comments('check_events_column_missing', check_columns) }}
