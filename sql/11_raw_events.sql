-- raw_events: one row per event as it was landed, typed and otherwise untouched.
-- grain:  landing, source_row
-- reads:  read_parquet
create or replace view raw_events as
select
    landing,
    source_row,
    event_id,
    user_id,
    event_time,
    event_type,
    course_id,
    watch_minutes,
    quiz_score,
    amount
from read_parquet({{ events_files | sql }});

comment on column raw_events.landing is 'number of the land command that brought the row';
comment on column raw_events.source_row is 'row number within that landing, from 1, in file order';
comment on column raw_events.event_id is 'the event';
comment on column raw_events.user_id is 'who did it; need not be in raw_users';
comment on column raw_events.event_time is 'when, UTC';
comment on column raw_events.event_type is 'as it came';
comment on column raw_events.course_id is 'as it came. NULL: the event has no course';
comment on column raw_events.watch_minutes is 'minutes. NULL: none was given';
comment on column raw_events.quiz_score is '0 to 100. NULL: no score';
comment on column raw_events.amount is 'money, in the currency of the source. NULL: no payment';
