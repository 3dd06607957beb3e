-- scored_features: one row per user of the newest scored day, with every feature that a model may read.
-- grain:  user_id
-- reads:  predictions, eligible_features
-- By what has landed since: of a day that was scored before late events came, it can differ from what was scored.
create or replace view scored_features as
with newest as (
    select max(as_of_date) as as_of_date
    from predictions
)

select
    features.user_id,
    features.as_of_date,
{% for column in kept_feature_columns %}
    features.{{ column }}{{ ',' if not loop.last }}
{% endfor %}
from eligible_features((select list(newest.as_of_date) from newest)) as features
inner join predictions
    on
        features.user_id = predictions.user_id
        and features.as_of_date = predictions.as_of_date;

{{ comments('scored_features', ['user_id', 'as_of_date'] + kept_feature_columns) }}
