-- ranked_users: one row per user scored at that day, as the newest scoring saw it, with who the user is.
-- grain:  user_id
-- reads:  predictions, users_clean, user_states
-- A table macro: from ranked_users(date '2025-04-30') order by risk_rank. What the prediction files hold.
create or replace macro ranked_users(scored_day) as table
select
    predictions.user_id,
    predictions.as_of_date,
    users_clean.plan,
    users_clean.is_paid,
    users_clean.country,
    users_clean.marketing_source,
    states.days_since_signup,
    states.days_since_last_activity,
    predictions.churn_risk,
    predictions.risk_rank,
    predictions.model_version
from predictions
inner join users_clean on predictions.user_id = users_clean.user_id
inner join user_states([scored_day]) as states
    on
        predictions.user_id = states.user_id
        and predictions.as_of_date = states.as_of_date
where predictions.as_of_date = cast(scored_day as date);
