-- drift_labels: one row per user eligible on the newest day with known labels, if that is after the reference.
-- grain:  user_id, as_of_date
-- reads:  current_production, drift_reference, period, params, eligible_features, future_activity
create or replace view drift_labels as
with matured as (
    select list(period.as_of_date - params.label_days) as as_of_dates
    from current_production as production
    inner join drift_reference
        on
            production.model_version = drift_reference.model_version
            and drift_reference.feature = 'churn_label'
    cross join period
    cross join params
    where drift_reference.last_as_of_date < period.as_of_date - params.label_days
)

select
    features.user_id,
    features.as_of_date,
    {{ churn_label('futures.future_active_days') }} as churn_label
from eligible_features((select matured.as_of_dates from matured)) as features
left join future_activity((select matured.as_of_dates from matured)) as futures
    on
        features.user_id = futures.user_id
        and features.user_bucket = futures.user_bucket
        and features.as_of_date = futures.as_of_date;

{{ comments('drift_labels', ['user_id', 'as_of_date', 'churn_label']) }}
