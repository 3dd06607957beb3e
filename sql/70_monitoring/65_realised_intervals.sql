-- realised_intervals: one row per scored day, model version and metric: the 95 % interval of a realised metric.
-- grain:  as_of_date, model_version, metric
-- reads:
-- Never rebuilt by build: churn-duck performance resamples the users of the day, and does so again when the newest
-- scoring or its labels have changed.
create table if not exists realised_intervals (
    as_of_date date not null,
    model_version varchar not null,
    metric varchar not null,
    low double not null,
    high double not null,
    replicates integer not null,
    seed bigint not null,
    digest varchar not null
);

comment on column realised_intervals.as_of_date is 'the scored UTC day';
comment on column realised_intervals.model_version is 'the model that scored';
comment on column realised_intervals.metric is
'column of realised_performance; pr_auc_gain: pr_auc less that of the recency rule';
comment on column realised_intervals.low is '2.5th percentile of the resampled metric';
comment on column realised_intervals.high is '97.5th percentile of it';
comment on column realised_intervals.replicates is 'resamples of all users, each of the same size';
comment on column realised_intervals.seed is 'of the random numbers: the same seed gives the same interval';
comment on column realised_intervals.digest is 'of the users, risks, days of silence and labels behind it';
