-- expected_performance: one row per scoring and metric: estimated before any of its labels could be known.
-- grain:  as_of_date, model_version, scored_at, metric
-- reads:
-- Append-only, never rebuilt: score writes it with the ledger, from the risks and the model's test rows alone.
create table if not exists expected_performance (
    as_of_date date not null,
    model_version varchar not null,
    scored_at timestamp not null,
    metric varchar not null,
    estimate double not null,
    low double not null,
    high double not null,
    date_spread double not null,
    test_dates integer not null,
    test_windows integer not null,
    draws integer not null,
    seed bigint not null,
    made_at timestamp not null
);

comment on column expected_performance.as_of_date is 'the scored UTC day';
comment on column expected_performance.model_version is 'the model that scored';
comment on column expected_performance.scored_at is 'the scoring, UTC';
comment on column expected_performance.metric is 'churn_rate or pr_auc';
comment on column expected_performance.estimate is
'churn_rate: the mean risk; pr_auc: the mean over labels that were drawn from the risks';
comment on column expected_performance.low is 'low end of the 95 % interval';
comment on column expected_performance.high is 'high end of it';
comment on column expected_performance.date_spread is
'standard deviation, in log-odds of the metric, by which the test dates missed their estimates beyond chance';
comment on column expected_performance.test_dates is 'test dates behind date_spread';
comment on column expected_performance.test_windows is
'non-overlapping churn windows between them: the independent ones';
comment on column expected_performance.draws is 'label sets drawn';
comment on column expected_performance.seed is 'of the random numbers: the same seed gives the same interval';
comment on column expected_performance.made_at is 'when the estimate was made, UTC';
