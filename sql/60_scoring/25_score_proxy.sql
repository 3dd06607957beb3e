-- score_proxy: one row, the spread of the newest day's predictions, a proxy until their labels are known.
-- grain:  (one row)
-- reads:  predictions, params
-- Quantiles are interpolated. No row before the first scoring.
create or replace view score_proxy as
with newest as (
    select max(as_of_date) as as_of_date
    from predictions
)

select
    predictions.as_of_date,
    predictions.model_version,
    count(*) as scored_rows,
    round(avg(predictions.churn_risk), 12) as mean,
    quantile_cont(predictions.churn_risk, 0.5) as p50,
    quantile_cont(predictions.churn_risk, 0.9) as p90,
    quantile_cont(predictions.churn_risk, 0.99) as p99,
    avg(cast(predictions.churn_risk >= params.high_risk_threshold as integer)) as high_risk_rate,
    params.high_risk_threshold
from predictions
inner join newest on predictions.as_of_date = newest.as_of_date
cross join params
group by
    predictions.as_of_date,
    predictions.model_version,
    params.high_risk_threshold;

comment on column score_proxy.as_of_date is 'features were known at the end of this UTC day';
comment on column score_proxy.model_version is 'the model that scored';
comment on column score_proxy.scored_rows is 'users scored';
comment on column score_proxy.mean is 'mean churn_risk, 0 to 1';
comment on column score_proxy.p50 is 'churn_risk that half of the users do not exceed';
comment on column score_proxy.p90 is 'churn_risk that nine of ten users do not exceed';
comment on column score_proxy.p99 is 'churn_risk that 99 of 100 users do not exceed';
comment on column score_proxy.high_risk_rate is 'share of the users at or above high_risk_threshold';
comment on column score_proxy.high_risk_threshold is 'scoring.high_risk_threshold';
