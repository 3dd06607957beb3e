-- check_users_quarantined: one row per users row or line that could not be used and is kept in quarantine only.
-- grain:  landing, source_row, offence
-- reads:  quarantine
-- A missing or untypable id, date, time or type; or a line that cannot be parsed.
create or replace view check_users_quarantined as
select
    landing,
    source_row,
    'fail' as severity,
    source_column || ' ' || reason || coalesce(': ' || value, '') as offence
from quarantine
where source_table = 'users' and not row_is_kept;

{{ comments('check_users_quarantined', check_columns) }}
