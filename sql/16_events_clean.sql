-- events_clean: one row per event of a known user.
-- grain:  event_id
-- reads:  raw_events, users_clean
-- Of several rows of one event the newest landing counts (it corrects), and in it the first row.
create or replace view events_clean as
with numbered as (
    select
        event_id,
        user_id,
        event_time,
        {{ trimmed_lower('event_type') }} as event_type,
        course_id,
        watch_minutes,
        quiz_score,
        amount,
        row_number() over (
            partition by event_id
            order by landing desc, source_row asc
        ) as row_of_event
    from raw_events
    where {{ trimmed_lower('event_type') }} <> ''
)

select
    event_id,
    user_id,
    event_time,
    event_type,
    course_id,
    coalesce(watch_minutes, cast(0 as double)) as watch_minutes,
    quiz_score,
    amount,
    cast(event_time as date) as event_date
from numbered
where
    row_of_event = 1
    and user_id in (select users_clean.user_id from users_clean);

comment on column events_clean.event_id is 'the event';
comment on column events_clean.user_id is 'who did it';
comment on column events_clean.event_time is 'when, UTC';
comment on column events_clean.event_type is 'lower case, trimmed';
comment on column events_clean.course_id is 'as it came. NULL: the event has no course';
comment on column events_clean.watch_minutes is 'minutes, 0 where none were given';
comment on column events_clean.quiz_score is '0 to 100. NULL: no score';
comment on column events_clean.amount is 'money, in the currency of the source. NULL: no payment';
comment on column events_clean.event_date is 'UTC day of event_time';
