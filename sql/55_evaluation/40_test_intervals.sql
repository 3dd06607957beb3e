-- test_intervals: one row per model version, length of the list, population, scorer and metric: its 95 % interval.
-- grain:  model_version, top_k, population, scorer, metric
-- reads:
-- Kept, never rebuilt. Users of test_scores are resampled, not rows, since the days of one user are not independent.
create table if not exists test_intervals (
    model_version varchar not null,
    top_k integer not null,
    population varchar not null,
    scorer varchar not null,
    metric varchar not null,
    low double not null,
    high double not null,
    replicates integer not null,
    seed bigint not null
);

comment on column test_intervals.model_version is 'the model, as evaluated.onnx';
comment on column test_intervals.top_k is 'length of each list: the capacity';
comment on column test_intervals.population is 'eligible, or all who had signed up';
comment on column test_intervals.scorer is 'model, raw (before calibration) or recency_rule';
comment on column test_intervals.metric is 'as in test_metrics';
comment on column test_intervals.low is '2.5th percentile, lower with few users; ece: less its sampling noise';
comment on column test_intervals.high is '97.5th percentile, higher with few users';
comment on column test_intervals.replicates is 'resamples of all users, each of the same size';
comment on column test_intervals.seed is 'seed of the random numbers: the same seed gives the same interval';
