-- check_users_quarantined: one row per users row or line that could not be used and is kept in quarantine only.
-- grain:  landing, source_row, offence
-- reads:  quarantine
-- A missing or untypable id, date, time or type; or a line that is no CSV.
create or replace view check_users_quarantined as
select
    landing,
    source_row,
    'fail' as severity,
    source_column || ' ' || reason || coalesce(': ' || value, '') as offence
from quarantine
where source_table = 'users' and not row_is_kept;

comment on column check_users_quarantined.landing is 'number of the land command that brought the row';
comment on column check_users_quarantined.source_row is 'row number within that landing';
comment on column check_users_quarantined.severity is 'fail: validate exits 1; warn: it is only told';
comment on column check_users_quarantined.offence is 'what is wrong, with the value';
