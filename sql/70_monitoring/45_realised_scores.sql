-- realised_scores: one row per user, day and model version of the newest scoring, with its outcome where known.
-- grain:  user_id, as_of_date, model_version
-- reads:  scores, models, params, period, users_clean, user_states, user_labels
-- A label is NULL until all churn_window_days after the scored day have been seen, and for users that users_clean no
-- longer knows; these are counted, never imputed. Models that were trained for another churn.window_days are left out.
-- Days since the last activity are those of the scored day by what has landed since: late events help the
-- recency rule, never the model, whose risk is the ledger's.
create or replace view realised_scores as
with newest as (
    select
        scores.as_of_date,
        scores.model_version,
        max(scores.scored_at) as scored_at
    from scores
    left join models on scores.model_version = models.model_version
    cross join params
    cross join period
    where
        scores.as_of_date <= period.as_of_date
        and coalesce(
            cast(
                json_extract_string(models.metrics, '$.settings.churn.window_days') as integer
            ),
            params.churn_window_days
        ) = params.churn_window_days
    group by scores.as_of_date, scores.model_version
),

states as (
    select
        user_id,
        as_of_date,
        days_since_last_activity
    from user_states((select list(distinct scores.as_of_date) from scores))
),

labels as (
    select
        user_id,
        as_of_date,
        churn_label
    from user_labels((select list(distinct scores.as_of_date) from scores))
)

select
    scores.user_id,
    scores.as_of_date,
    scores.model_version,
    scores.scored_at,
    scores.churn_risk,
    users_clean.user_id is not null as is_known,
    states.days_since_last_activity,
    scores.as_of_date + params.label_days as matures_on,
    labels.churn_label
from scores
inner join newest
    on
        scores.as_of_date = newest.as_of_date
        and scores.model_version = newest.model_version
        and scores.scored_at = newest.scored_at
cross join params
left join users_clean on scores.user_id = users_clean.user_id
left join states on scores.user_id = states.user_id and scores.as_of_date = states.as_of_date
left join labels on scores.user_id = labels.user_id and scores.as_of_date = labels.as_of_date;

comment on column realised_scores.user_id is 'the user';
comment on column realised_scores.as_of_date is 'features were known at the end of this UTC day';
comment on column realised_scores.model_version is 'the model that scored';
comment on column realised_scores.scored_at is 'when it was scored, UTC: the newest of that day and model';
comment on column realised_scores.churn_risk is 'probability, 0 to 1, from the ledger';
comment on column realised_scores.is_known is 'false: users_clean no longer has the user, so there is no label';
comment on column realised_scores.days_since_last_activity is
'days, at as_of_date; the recency rule ranks by it. NULL: the user is not known';
comment on column realised_scores.matures_on is 'the label is known from the evening of this UTC day on';
comment on column realised_scores.churn_label is
'1: no active day in the churn_window_days after it; 0: at least one. NULL: label or user not known';
