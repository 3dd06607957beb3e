-- predictions: one row per scored user and day, as the newest scoring of that day saw it.
-- grain:  user_id, as_of_date
-- reads:  scores
create or replace view predictions as
with newest as (
    select
        as_of_date,
        max(scored_at) as scored_at
    from scores
    group by as_of_date
)

select
    scores.user_id,
    scores.as_of_date,
    scores.churn_risk,
    scores.risk_rank,
    scores.model_version,
    scores.scored_at
from scores
inner join newest
    on scores.as_of_date = newest.as_of_date and scores.scored_at = newest.scored_at;

comment on column predictions.user_id is 'the user';
comment on column predictions.as_of_date is 'features were known at the end of this UTC day';
comment on column predictions.churn_risk is 'probability, 0 to 1, of no activity in the next churn_window_days';
comment on column predictions.risk_rank is '1 is the highest risk; ties by user_id';
comment on column predictions.model_version is 'the model that scored';
comment on column predictions.scored_at is 'when it was scored, UTC';
