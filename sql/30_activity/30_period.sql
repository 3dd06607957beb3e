-- period: one row, the first and last day of the world that every later view sees.
-- grain:  (one row)
-- reads:  user_activity, landings, params
-- as_of_date is the evening at which that world ends: the one asked for, else the last day of events that was over when
-- the newest events were landed.
create or replace view period as
with observed as (
    select
        min(activity_date) as first_event_date,
        max(activity_date) as last_event_date
    from user_activity
),

landed as (
    select cast(max(landed_at) as date) - 1 as last_complete_date
    from landings
    where source_table = 'events'
)

select
    observed.first_event_date,
    observed.last_event_date,
    coalesce(
        params.requested_as_of_date,
        least(observed.last_event_date, landed.last_complete_date)
    ) as as_of_date
from observed
cross join landed
cross join params;

comment on column period.first_event_date is 'UTC day of the first clean event. NULL: there is none';
comment on column period.last_event_date is 'UTC day of the last clean event, seen or not. NULL: there is none';
comment on column period.as_of_date is 'the world ends this evening (UTC). NULL: there are no events';
