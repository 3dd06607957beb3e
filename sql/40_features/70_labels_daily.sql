-- labels_daily: one row per user and day whose next churn_window_days have all been seen.
-- grain:  user_id, as_of_date
-- reads:  calendar, user_labels
-- Dense: users times days. The last churn_window_days of the period have no label yet.
create or replace view labels_daily as
select
    user_id,
    as_of_date,
    future_active_days,
    churn_label
from user_labels((select list(calendar.as_of_date) from calendar));

{{ comments('labels_daily', ['user_id', 'as_of_date', 'future_active_days', 'churn_label']) }}
