-- logging_gaps: one row per run of days on which far fewer events were logged than such days have.
-- grain:  first_gap_date
-- reads:  daily_volume
-- A day is held against the weeks before and after it, so that neither quiet weekends nor growth look like gaps.
-- A gap at the end of the log has no days after it: that is for period and drift.
create or replace view logging_gaps as
{% import 'shared/gaps.sql.jinja' as shared with context %}
with volumes as (
    select
        as_of_date,
        total_events
    from daily_volume
),

{{ shared.gaps() }}

select
    first_gap_date,
    last_gap_date,
    gap_days,
    total_events,
    usual_events
from gaps;

comment on column logging_gaps.first_gap_date is 'first UTC day of the gap';
comment on column logging_gaps.last_gap_date is 'last UTC day of the gap';
comment on column logging_gaps.gap_days is 'days';
comment on column logging_gaps.total_events is 'events that were logged on them';
comment on column logging_gaps.usual_events is 'events that such days have, by the weeks before and after';
