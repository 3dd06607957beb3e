-- landings_summary: one row per landing and source table, with how much came and how much of it could not be typed.
-- grain:  landing, source_table
-- reads:  landings, raw_users, raw_events, quarantine
create or replace view landings_summary as
with came as (
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
        count(*) as landings_summary
    from raw_users
    group by landing
    union all
    select
        landing,
        'events' as source_table,
        count(*) as landings_summary
    from raw_events
    group by landing
),

refused as (
    select
        landing,
        source_table,
        count(*) as quarantined_values,
        count(distinct source_row) filter (where not row_is_kept) as quarantined_rows
    from quarantine
    group by landing, source_table
)

select
    came.landing,
    came.source_table,
    came.landed_at,
    came.files,
    came.files_lacking_columns,
    coalesce(typed.landings_summary, 0) as landings_summary,
    coalesce(refused.quarantined_rows, 0) as quarantined_rows,
    coalesce(refused.quarantined_values, 0) as quarantined_values
from came
left join typed
    on came.landing = typed.landing and came.source_table = typed.source_table
left join refused
    on came.landing = refused.landing and came.source_table = refused.source_table;

comment on column landings_summary.landing is 'number of the land command; landings that were replaced are gone';
comment on column landings_summary.source_table is 'users or events';
comment on column landings_summary.landed_at is 'when its first file was landed, UTC';
comment on column landings_summary.files is 'files';
comment on column landings_summary.files_lacking_columns is 'files that lacked a column which was expected';
comment on column landings_summary.landings_summary is 'rows that were kept';
comment on column landings_summary.quarantined_rows is 'rows or unreadable lines that were not kept';
comment on column landings_summary.quarantined_values is 'values that could not be typed, those of kept rows included';
