-- training_dataset: one row per eligible user and training snapshot, features and label side by side.
-- grain:  user_id, as_of_date
-- reads:  training_snapshots, user_features, user_labels
-- Features look back from as_of_date, the label looks ahead of it: no day is in both.
create or replace view training_dataset as
with snapshots as (
    select list(as_of_date) as as_of_dates
    from training_snapshots
)

select
    features.user_id,
    features.as_of_date,
    features.signup_date,
{% for column in kept_feature_columns %}
    features.{{ column }},
{% endfor %}
    labels.churn_label,
    training_snapshots.split
from user_features((select snapshots.as_of_dates from snapshots)) as features
inner join user_labels((select snapshots.as_of_dates from snapshots)) as labels
    on features.user_id = labels.user_id and features.as_of_date = labels.as_of_date
inner join training_snapshots on features.as_of_date = training_snapshots.as_of_date
where features.is_eligible;

{{ comments('training_dataset', key_columns + kept_feature_columns + ['churn_label', 'split']) }}
