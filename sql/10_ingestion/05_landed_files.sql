-- landed_files: one row per landed file, read from the metadata of the raw Parquet files.
-- grain:  file_name
-- reads:  parquet_kv_metadata, parquet_metadata
-- Can be rebuilt from the raw files if the database file is lost. A table, so that the newest landing is known without
-- opening a year of files. A build that only adds landings opens their files; the ranges say which others it needs.
{% if after_landing is not none %}
delete from landed_files
where landing > {{ after_landing }};

{% endif %}
{% if arrived_files %}
{{ 'create or replace table landed_files as' if after_landing is none else 'insert into landed_files' }}
with pairs as (
    select
        parse_filename(file_name) as file_name,
        decode(key) as key,
        decode(value) as value
    from parquet_kv_metadata({{ arrived_files | sql }})
),

files as (
    select
        file_name,
        max(value) filter (where key = 'source_table') as source_table,
        cast(max(value) filter (where key = 'landing') as integer) as landing,
        max(value) filter (where key = 'source_file') as source_file,
        max(value) filter (where key = 'missing_columns') as missing_columns,
        max(value) filter (where key = 'columns') as typed_columns,
        cast(max(value) filter (where key = 'landed_at') as timestamp) as landed_at
    from pairs
    group by file_name
),

footers as (
    select
        parse_filename(file_name) as file_name,
        path_in_schema as column_name,
        case when min_is_exact then stats_min_value end as first_value,
        case when max_is_exact then stats_max_value end as last_value
    from parquet_metadata({{ arrived_files | sql }})
),

ids as (
    select
        file_name,
        min(try_cast(first_value as {{ event_id_type }})) as first_event_id,
        max(try_cast(last_value as {{ event_id_type }})) as last_event_id
    from footers
    where column_name = 'event_id'
    group by file_name
    having
        bool_and(try_cast(first_value as {{ event_id_type }}) is not null)
        and bool_and(try_cast(last_value as {{ event_id_type }}) is not null)
),

times as (
    select
        file_name,
        min(try_cast(first_value as timestamp)) as first_event_time,
        max(try_cast(last_value as timestamp)) as last_event_time
    from footers
    where column_name = 'event_time'
    group by file_name
    having
        bool_and(try_cast(first_value as timestamp) is not null)
        and bool_and(try_cast(last_value as timestamp) is not null)
)

select
    files.file_name,
    files.source_table,
    files.landing,
    files.source_file,
    files.missing_columns,
    files.typed_columns,
    files.landed_at,
    ids.first_event_id,
    ids.last_event_id,
    times.first_event_time,
    times.last_event_time
from files
left join ids on files.file_name = ids.file_name and files.source_table = 'events'
left join times on files.file_name = times.file_name and files.source_table = 'events';
{% endif %}

comment on column landed_files.file_name is 'the raw Parquet file, in raw/users or raw/events';
comment on column landed_files.source_table is 'users or events';
comment on column landed_files.landing is 'number of the land command that landed the file';
comment on column landed_files.source_file is 'name of the file that was landed';
comment on column landed_files.missing_columns is 'expected columns that the file lacks, comma-separated; empty: none';
comment on column landed_files.typed_columns is 'names and types under which it was landed';
comment on column landed_files.landed_at is 'when it was landed, UTC';
comment on column landed_files.first_event_id is 'no event_id in it is smaller. NULL: unknown, or a users file';
comment on column landed_files.last_event_id is 'no event_id in it is greater. NULL: unknown, or a users file';
comment on column landed_files.first_event_time is 'no event in it is earlier, UTC. NULL: unknown, or a users file';
comment on column landed_files.last_event_time is 'no event in it is later, UTC. NULL: unknown, or a users file';
