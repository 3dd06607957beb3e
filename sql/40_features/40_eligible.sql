-- eligible: one row per user and day on which the user is worth a prediction: signed up, and active not long ago.
-- grain:  user_id, as_of_date
-- reads:  calendar, eligible_features
-- The population of training, evaluation, ranking and monitoring; population.active_within_days null takes everyone.
create or replace view eligible as
select
    user_id,
    as_of_date,
    days_since_last_activity
from eligible_features((select list(calendar.as_of_date) from calendar));

{{ comments('eligible', ['user_id', 'as_of_date', 'days_since_last_activity']) }}
