-- landings_summary: one row per landing and source table, with the rows that landed and those that could not be typed.
-- grain:  landing, source_table
-- reads:  landings, raw_users, raw_events, quarantine
create or replace view landings_summary as
with landed as (
    select
        landing,
        source_table,
        min(landed_at) as landed_at,
        count(*) as files,
        count(*) filter (where missing_columns != '') as files_lacking_columns
    from landings
    group by landing, source_table
),

typed as (
    select
        landing,
        'users' as source_table,
        count(*) as landed_rows
    from raw_users
    group by landing
    union all
    select
        landing,
        'events' as source_table,
        count(*) as landed_rows
    from raw_events
    group by landing
),

quarantined as (
    select
        landing,
        source_table,
        count(*) as quarantined_values,
        count(distinct source_row) filter (where not row_is_kept) as quarantined_rows
    from quarantine
    group by landing, source_table
)

select
    landed.landing,
    landed.source_table,
    landed.landed_at,
    landed.files,
    landed.files_lacking_columns,
    coalesce(typed.landed_rows, 0) as landed_rows,
    coalesce(quarantined.quarantined_rows, 0) as quarantined_rows,
    coalesce(quarantined.quarantined_values, 0) as quarantined_values
from landed
left join typed
    on landed.landing = typed.landing and landed.source_table = typed.source_table
left join quarantined
    on landed.landing = quarantined.landing and landed.source_table = quarantined.source_table;

comment on column landings_summary.landing is 'number of the land command; landings that were replaced are gone';
comment on column landings_summary.source_table is 'users or events';
comment on column landings_summary.landed_at is 'when its first file was landed, UTC';
comment on column landings_summary.files is 'files';
comment on column landings_summary.files_lacking_columns is 'files that lacked a column which was expected';
comment on column landings_summary.landed_rows is 'rows that were kept';
comment on column landings_summary.quarantined_rows is 'rows or unreadable lines that were not kept';
comment on column landings_summary.quarantined_values is 'values that could not be typed, those of kept rows included';
