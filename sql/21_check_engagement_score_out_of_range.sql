-- check_engagement_score_out_of_range: one row per user whose engagement_score lies outside 0 to 1.
-- grain:  landing, source_row
-- reads:  raw_users
create or replace view check_engagement_score_out_of_range as
select
    landing,
    source_row,
    'fail' as severity,
    'user ' || user_id || ' has engagement_score ' || engagement_score as offence
from raw_users
where engagement_score not between 0 and 1;

comment on column check_engagement_score_out_of_range.landing is 'number of the land command that brought the row';
comment on column check_engagement_score_out_of_range.source_row is 'row number within that landing';
comment on column check_engagement_score_out_of_range.severity is 'fail: validate exits 1; warn: it is only told';
comment on column check_engagement_score_out_of_range.offence is 'what is wrong, with the value';
