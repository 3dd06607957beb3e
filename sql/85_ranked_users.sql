-- ranked_users: one row per user scored at that day, as the newest scoring saw it, with who the user is.
-- grain:  user_id
-- reads:  predictions, eligible_features
-- A table macro: from ranked_users(date '2025-04-30') order by risk_rank. What the prediction files hold.
create or replace macro ranked_users(scored_day) as table
select
    predictions.user_id,
    predictions.as_of_date,
{% for column in shown_attributes %}
    features.{{ column }},
{% endfor %}
    features.days_since_signup,
    features.days_since_last_activity,
    predictions.churn_risk,
    predictions.risk_rank,
    predictions.model_version
from predictions
inner join eligible_features([scored_day]) as features
    on
        predictions.user_id = features.user_id
        and predictions.as_of_date = features.as_of_date
where predictions.as_of_date = cast(scored_day as date);
