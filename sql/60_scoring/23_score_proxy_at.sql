-- score_proxy_at: one row per call, the distribution of a scored day's predictions; none where nobody was scored.
-- grain:  (one row)
-- reads:  predictions, params
-- A table macro: from score_proxy_at(date '2025-04-30'). Quantiles are interpolated.
create or replace macro score_proxy_at(scored_day) as table
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
cross join params
where predictions.as_of_date = cast(scored_day as date)
group by
    predictions.as_of_date,
    predictions.model_version,
    params.high_risk_threshold;
