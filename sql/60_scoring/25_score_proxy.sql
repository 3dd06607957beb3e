-- score_proxy: one row, the distribution of the newest day's predictions, a proxy until their labels are known.
-- grain:  (one row)
-- reads:  predictions, score_proxy_at
-- No row before the first scoring.
create or replace view score_proxy as
select
    as_of_date,
    model_version,
    scored_rows,
    mean,
    p50,
    p90,
    p99,
    high_risk_rate,
    high_risk_threshold
from score_proxy_at((select max(predictions.as_of_date) from predictions));

comment on column score_proxy.as_of_date is 'features were known at the end of this UTC day';
comment on column score_proxy.model_version is 'the model that scored';
comment on column score_proxy.scored_rows is 'users scored';
comment on column score_proxy.mean is 'mean churn_risk, 0 to 1';
comment on column score_proxy.p50 is 'churn_risk that half of the users do not exceed';
comment on column score_proxy.p90 is 'churn_risk that nine of ten users do not exceed';
comment on column score_proxy.p99 is 'churn_risk that 99 of 100 users do not exceed';
comment on column score_proxy.high_risk_rate is 'share of the users at or above high_risk_threshold';
comment on column score_proxy.high_risk_threshold is 'scoring.high_risk_threshold';
