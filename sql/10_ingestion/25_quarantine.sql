-- quarantine: one row per landed value that could not be typed, and per line that could not be read at all.
-- grain:  source_table, landing, source_row, source_column
-- reads:  read_parquet
-- A row without a usable user_id, event_id, date, time or type is kept here only; other rows lose only the value.
create or replace view quarantine as
select
    source_table,
    landing,
    source_row,
    source_column,
    value,
    reason,
    row_is_kept,
    row_text
from read_parquet({{ quarantine_files | sql }});

comment on column quarantine.source_table is 'users or events';
comment on column quarantine.landing is 'number of the land command that landed the row';
comment on column quarantine.source_row is
'row number within that landing; a bad line: minus its line number, likewise';
comment on column quarantine.source_column is 'column of the value; (line) for an unreadable line';
comment on column quarantine.value is 'the text that could not be typed. NULL: a required value was missing';
comment on column quarantine.reason is 'why, in words';
comment on column quarantine.row_is_kept is 'true: the row landed too, with NULL for the value; false: it is only here';
comment on column quarantine.row_text is 'the whole source row, as JSON or as the unreadable line';
