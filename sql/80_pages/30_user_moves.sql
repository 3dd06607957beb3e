-- user_moves: one row per user on either list of a scored day and the one before, with their movement.
-- grain:  user_id, as_of_date
-- reads:  scored_days, banded_predictions, users_clean
-- what_changed explains the newest day by reasons; this view shows every day by bands.
create or replace view user_moves as
with both_days as (
    select
        banded_predictions.user_id,
        scored_days.as_of_date,
        scored_days.earlier_date,
        true as is_now,
        banded_predictions.churn_risk,
        banded_predictions.risk_rank,
        banded_predictions.band
    from scored_days
    inner join banded_predictions on scored_days.as_of_date = banded_predictions.as_of_date
    where scored_days.earlier_date is not null
    union all
    select
        banded_predictions.user_id,
        scored_days.as_of_date,
        scored_days.earlier_date,
        false as is_now,
        banded_predictions.churn_risk,
        banded_predictions.risk_rank,
        banded_predictions.band
    from scored_days
    inner join banded_predictions on scored_days.earlier_date = banded_predictions.as_of_date
),

paired as (
    select
        user_id,
        as_of_date,
        earlier_date,
        max(band) filter (where not is_now) as earlier_band,
        max(band) filter (where is_now) as band,
        max(churn_risk) filter (where not is_now) as earlier_risk,
        max(churn_risk) filter (where is_now) as churn_risk,
        max(risk_rank) filter (where not is_now) as earlier_rank,
        max(risk_rank) filter (where is_now) as risk_rank
    from both_days
    group by user_id, as_of_date, earlier_date
)

select
    paired.user_id,
    paired.as_of_date,
    paired.earlier_date,
    coalesce(paired.earlier_band, 'none') as earlier_band,
    coalesce(paired.band, 'none') as band,
    case
        when paired.band is null and users_clean.user_id is null then 'removed'
        when paired.band is null then 'fell silent'
        when paired.earlier_band is null and users_clean.signup_date > paired.earlier_date then 'signed up'
        when paired.earlier_band is null then 'came back'
        when paired.earlier_band = paired.band then 'stayed'
        when paired.churn_risk > paired.earlier_risk then 'rose'
        else 'fell'
    end as movement,
    paired.earlier_risk,
    paired.churn_risk,
    paired.earlier_rank,
    paired.risk_rank
from paired
left join users_clean on paired.user_id = users_clean.user_id;

comment on column user_moves.user_id is 'the user';
comment on column user_moves.as_of_date is 'the scored UTC day';
comment on column user_moves.earlier_date is 'the scored day before it';
comment on column user_moves.earlier_band is 'high, medium or low on earlier_date; none: was not on the list';
comment on column user_moves.band is 'high, medium or low on as_of_date; none: is not on the list';
comment on column user_moves.movement is
'signed up, came back: entered the list; fell silent: for active_within_days, so off the list; removed: users_clean
lacks the user; rose, fell: into another band; stayed: in the band';
comment on column user_moves.earlier_risk is 'churn_risk on earlier_date, 0 to 1. NULL: was not on the list';
comment on column user_moves.churn_risk is 'churn_risk on as_of_date, 0 to 1. NULL: is not on the list';
comment on column user_moves.earlier_rank is 'rank on earlier_date. NULL: was not on the list';
comment on column user_moves.risk_rank is 'rank on as_of_date; 1 is the highest risk. NULL: is not on the list';
