-- check_user_id_duplicate: one row per users row whose user_id stood in an earlier row of the same landing.
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
    'user_id ' || user_id || ' again, for the ' || occurrence || '. time' as offence
from numbered
where occurrence > 1;

comment on column check_user_id_duplicate.landing is 'number of the land command that brought the row';
comment on column check_user_id_duplicate.source_row is 'row number within that landing';
comment on column check_user_id_duplicate.severity is 'fail: validate exits 1; warn: it is only told';
comment on column check_user_id_duplicate.offence is 'what is wrong, with the value';
