-- landings: one row per landed file.
-- grain:  file_name
-- reads:  landed_files
create or replace view landings as
select
    file_name,
    source_table,
    landing,
    source_file,
    missing_columns,
    landed_at
from landed_files;

comment on column landings.file_name is 'the raw Parquet file';
comment on column landings.source_table is 'users or events';
comment on column landings.landing is 'number of the land command that landed the file';
comment on column landings.source_file is 'name of the file that was landed';
comment on column landings.missing_columns is 'expected columns that the file lacks, comma-separated; empty: none';
comment on column landings.landed_at is 'when it was landed, UTC';
