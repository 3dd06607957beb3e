-- training_dataset: one row per eligible user and training snapshot, with features and label.
-- grain:  user_id, as_of_date
-- reads:  training_snapshots, eligible_features, future_activity
-- Features look back from as_of_date, the label looks ahead of it: no day is in both. Every snapshot has its label.
-- Where history is too short for later test days, a share of the users is the test part of every day.
create or replace view training_dataset as
with snapshots as (
    select list(as_of_date) as as_of_dates
    from training_snapshots
)

select
    features.user_id,
    features.user_bucket,
    features.as_of_date,
    features.signup_date,
{% for column in kept_feature_columns %}
    features.{{ column }},
{% endfor %}
    {{ churn_label('futures.future_active_days') }} as churn_label,
    case
        when training_snapshots.split <> 'by_user' then training_snapshots.split
        when {{ is_held_out('features') }} then 'test'
        else 'train'
    end as split,
    training_snapshots.calibration_role
from eligible_features((select snapshots.as_of_dates from snapshots)) as features
inner join training_snapshots on features.as_of_date = training_snapshots.as_of_date
left join future_activity((select snapshots.as_of_dates from snapshots)) as futures
    on
        features.user_id = futures.user_id
        and features.user_bucket = futures.user_bucket
        and features.as_of_date = futures.as_of_date;

{{ comments('training_dataset', dataset_keys + kept_feature_columns + ['churn_label', 'split', 'calibration_role']) }}
