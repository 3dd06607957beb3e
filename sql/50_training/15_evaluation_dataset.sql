-- evaluation_dataset: one row per user who had signed up and test snapshot, eligible or not.
-- grain:  user_id, as_of_date
-- reads:  training_snapshots, user_features, user_labels
-- Its eligible rows are the test rows of training_dataset; the others show how much easy cases inflate a metric.
create or replace view evaluation_dataset as
with test_dates as (
    select
        list(as_of_date) as as_of_dates,
        bool_or(split = 'by_user') as is_by_user
    from training_snapshots
    where split in ('test', 'by_user')
)

select
    features.user_id,
    features.user_bucket,
    features.as_of_date,
    features.signup_date,
{% for column in kept_feature_columns %}
    features.{{ column }},
{% endfor %}
    labels.churn_label,
    features.is_eligible
from user_features((select test_dates.as_of_dates from test_dates)) as features
inner join user_labels((select test_dates.as_of_dates from test_dates)) as labels
    on
        features.user_id = labels.user_id
        and features.user_bucket = labels.user_bucket
        and features.as_of_date = labels.as_of_date
where
    (features.is_eligible or features.state <> 'future')
    and (
        not (select test_dates.is_by_user from test_dates)
        or {{ is_held_out('features') }}
    );

{{ comments('evaluation_dataset', dataset_keys + kept_feature_columns + ['churn_label', 'is_eligible']) }}
