-- landed_totals: one row per table of the contract, with how much of it has landed and what was set aside.
-- grain:  source_table
-- reads:  raw_users, raw_events, quarantine, landings
create or replace view landed_totals as
with counted as (
    select
        'users' as source_table,
        count(*) as landings_summary
    from raw_users
    union all
    select
        'events' as source_table,
        count(*) as landings_summary
    from raw_events
),

aside as (
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
    counted.landings_summary,
    coalesce(aside.quarantined_values, 0) as quarantined_values,
    newest.last_landed_at
from counted
left join aside on counted.source_table = aside.source_table
left join newest on counted.source_table = newest.source_table;

comment on column landed_totals.source_table is 'users or events';
comment on column landed_totals.landings_summary is 'rows of the files that count, repeated ones included';
comment on column landed_totals.quarantined_values is 'values and lines of them that could not be read';
comment on column landed_totals.last_landed_at is 'when the newest of its files was landed, UTC';
