-- check_quiz_score_out_of_range: one row per event whose quiz score lies outside 0 to 100.
-- grain:  landing, source_row
-- reads:  raw_events
create or replace view check_quiz_score_out_of_range as
select
    landing,
    source_row,
    'fail' as severity,
    'event ' || event_id || ' has quiz_score ' || quiz_score as offence
from raw_events
where quiz_score not between 0 and 100;

{{ comments('check_quiz_score_out_of_range', check_columns) }}
