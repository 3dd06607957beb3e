-- check_user_id_duplicate: one row per users row whose user_id is in an earlier row of the same landing.
-- grain:  landing, source_row
-- reads:  raw_users
-- The same user_id in a later landing is an update, not an offence.
create or replace view check_user_id_duplicate as
with numbered as (
    select
        landing,
        source_row,
        user_id,
        row_number() over (
            partition by landing, user_id
            order by source_row asc
        ) as occurrence
    from raw_users
)

select
    landing,
    source_row,
    'fail' as severity,
    'user_id ' || user_id || ' is repeated (occurrence ' || occurrence || ' in this landing)' as offence
from numbered
where occurrence > 1;

{{ comments('check_user_id_duplicate', check_columns) }}
