-- landings: one row per landed file, read from the metadata inside the raw Parquet files.
-- grain:  file_name
-- reads:  parquet_kv_metadata
-- The raw files describe themselves: a lost database file loses nothing of this.
create or replace view landings as
with pairs as (
    select
        file_name,
        decode(key) as key,
        decode(value) as value
    from parquet_kv_metadata({{ (users_files + events_files) | sql }})
)

select
    file_name,
    max(value) filter (where key = 'source_table') as source_table,
    cast(max(value) filter (where key = 'landing') as integer) as landing,
    max(value) filter (where key = 'source_file') as source_file,
    max(value) filter (where key = 'missing_columns') as missing_columns,
    cast(max(value) filter (where key = 'landed_at') as timestamp) as landed_at
from pairs
group by file_name;

comment on column landings.file_name is 'the raw Parquet file';
comment on column landings.source_table is 'users or events';
comment on column landings.landing is 'number of the land command that brought the file';
comment on column landings.source_file is 'name of the file that was landed';
comment on column landings.missing_columns is 'contract columns that the file lacked, comma-separated; empty: none';
comment on column landings.landed_at is 'when it was landed, UTC';
