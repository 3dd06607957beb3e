-- ranked_users: one row per user scored at that day, as the newest scoring saw it, with who the user is.
-- grain:  user_id
-- reads:  predictions, worded_reasons, eligible_features
-- A table macro: from ranked_users(date '2025-04-30') order by risk_rank. What the prediction files hold. reason_1 to
-- reason_3 raise the risk most; NULL where fewer do.
create or replace macro ranked_users(scored_day) as table
with sentences as (
    select
        user_id,
        as_of_date,
        model_version,
        scored_at,
{% for rank in (1, 2, 3) %}
        max(sentence) filter (where reason_rank = {{ rank }}) as reason_{{ rank }}{{ ',' if not loop.last }}
{% endfor %}
    from worded_reasons
    where as_of_date = cast(scored_day as date)
    group by user_id, as_of_date, model_version, scored_at
)

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
    predictions.model_version,
    sentences.reason_1,
    sentences.reason_2,
    sentences.reason_3
from predictions
inner join eligible_features([scored_day]) as features
    on
        predictions.user_id = features.user_id
        and predictions.as_of_date = features.as_of_date
left join sentences
    on
        predictions.user_id = sentences.user_id
        and predictions.as_of_date = sentences.as_of_date
        and predictions.model_version = sentences.model_version
        and predictions.scored_at = sentences.scored_at
where predictions.as_of_date = cast(scored_day as date);
