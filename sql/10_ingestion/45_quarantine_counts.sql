-- quarantine_counts: one row per landing and column with values in quarantine, with their number.
-- grain:  source_table, landing, source_column
-- reads:  quarantine
create or replace view quarantine_counts as
select
    source_table,
    landing,
    source_column,
    count(*) as quarantined_values,
    count(*) filter (where not row_is_kept) as lost_values,
    min(reason) as example_reason
from quarantine
group by source_table, landing, source_column;

comment on column quarantine_counts.source_table is 'users or events';
comment on column quarantine_counts.landing is 'number of the land command that landed the rows';
comment on column quarantine_counts.source_column is 'column of the values; (line) for unreadable lines';
comment on column quarantine_counts.quarantined_values is 'values that could not be typed, or lines';
comment on column quarantine_counts.lost_values is 'those whose whole row is in quarantine only';
comment on column quarantine_counts.example_reason is 'the reason for one of them';
