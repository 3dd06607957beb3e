-- scoring_dataset: one row per eligible user at the as-of date, with every feature: who is scored today.
-- grain:  user_id, as_of_date
-- reads:  period, eligible_features
create or replace view scoring_dataset as
select
    user_id,
    user_bucket,
    as_of_date,
    signup_date,
{% for column in kept_feature_columns %}
    {{ column }}{{ ',' if not loop.last }}
{% endfor %}
from eligible_features((select list(period.as_of_date) from period));

{{ comments('scoring_dataset', dataset_keys + kept_feature_columns) }}
