-- landed_totals: one row per table of the contract, with its landed rows and its quarantined values.
-- grain:  source_table
-- reads:  raw_users, raw_events, quarantine, landings
create or replace view landed_totals as
with counted as (
    select
        'users' as source_table,
        count(*) as landed_rows
    from raw_users
    union all
    select
        'events' as source_table,
        count(*) as landed_rows
    from raw_events
),

quarantined as (
    select
        source_table,
        count(*) as quarantined_values
    from quarantine
    group by source_table
),

newest as (
    select
        source_table,
        max(landed_at) as last_landed_at
    from landings
    group by source_table
)

select
    counted.source_table,
    counted.landed_rows,
    coalesce(quarantined.quarantined_values, 0) as quarantined_values,
    newest.last_landed_at
from counted
left join quarantined on counted.source_table = quarantined.source_table
left join newest on counted.source_table = newest.source_table;

comment on column landed_totals.source_table is 'users or events';
comment on column landed_totals.landed_rows is 'rows of the files that count, repeated ones included';
comment on column landed_totals.quarantined_values is 'values and lines of them that could not be read';
comment on column landed_totals.last_landed_at is 'when the newest of its files was landed, UTC';
