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

{{ comments('check_engagement_score_out_of_range', check_columns) }}
