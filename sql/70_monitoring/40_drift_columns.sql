-- drift_columns: one row per column that the newest landing of users or of events lacked.
-- grain:  source_table, column_name
-- reads:  landings
create or replace view drift_columns as
with newest as (
    select
        source_table,
        max(landing) as landing
    from landings
    group by source_table
),

lacking as (
    select
        landings.source_table,
        landings.landing,
        landings.source_file,
        unnest(string_split(landings.missing_columns, ', ')) as column_name
    from landings
    inner join newest
        on landings.source_table = newest.source_table and landings.landing = newest.landing
)

select
    source_table,
    column_name,
    min(source_file) as source_file,
    cast(count(*) as bigint) as file_count
from lacking
where column_name <> ''
group by source_table, column_name;

comment on column drift_columns.source_table is 'users or events';
comment on column drift_columns.column_name is 'what is missing';
comment on column drift_columns.source_file is 'a file that lacks it';
comment on column drift_columns.file_count is 'files of that landing that lack it';
