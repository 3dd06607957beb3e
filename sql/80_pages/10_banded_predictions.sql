-- banded_predictions: one row per scored user and day, from the newest scoring of that day, with its risk band.
-- grain:  user_id, as_of_date
-- reads:  predictions, params
-- high: from scoring.high_risk_threshold on; medium: from half of it on; low: below that. By the current threshold, so
-- that all days are cut alike.
create or replace view banded_predictions as
select
    predictions.user_id,
    predictions.as_of_date,
    predictions.churn_risk,
    predictions.risk_rank,
    predictions.model_version,
    predictions.scored_at,
    case
        when predictions.churn_risk >= params.high_risk_threshold then 'high'
        when predictions.churn_risk >= params.high_risk_threshold / 2 then 'medium'
        else 'low'
    end as band
from predictions
cross join params;

comment on column banded_predictions.user_id is 'the user';
comment on column banded_predictions.as_of_date is 'features were known at the end of this UTC day';
comment on column banded_predictions.churn_risk is
'probability, 0 to 1, of no activity in the next churn_window_days';
comment on column banded_predictions.risk_rank is '1 is the highest risk; ties by user_id';
comment on column banded_predictions.model_version is 'the model that scored';
comment on column banded_predictions.scored_at is 'when it was scored, UTC';
comment on column banded_predictions.band is 'high, medium or low';
