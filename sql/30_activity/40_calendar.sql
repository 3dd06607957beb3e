-- calendar: one row per day from the first event to the as-of date.
-- grain:  as_of_date
-- reads:  period
create or replace view calendar as
with days as (
    select
        unnest(
            generate_series(first_event_date, as_of_date, interval 1 day)
        ) as midnight
    from period
)

select cast(midnight as date) as as_of_date
from days;

comment on column calendar.as_of_date is 'the UTC day, seen at its end';
