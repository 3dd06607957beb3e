-- scoring_dataset: one row per eligible user at the as-of date, with every feature: who is scored today.
-- grain:  user_id, as_of_date
-- reads:  period, user_features
create or replace view scoring_dataset as
select
    user_id,
    as_of_date,
    signup_date,
{% for column in kept_feature_columns %}
    {{ column }}{{ ',' if not loop.last }}
{% endfor %}
from user_features((select list(period.as_of_date) from period))
where is_eligible;

{{ comments('scoring_dataset', key_columns + kept_feature_columns) }}
