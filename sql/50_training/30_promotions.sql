-- promotions: one row per change of the production model, with the evidence for it.
-- grain:  promoted_at
-- reads:
-- Kept, never rebuilt. The newest row is production. Figures are of the eligible test rows as of as_of_date.
create table if not exists promotions (
    promoted_at timestamp primary key,
    model_version varchar not null,
    previous_version varchar,
    as_of_date date,
    primary_metric varchar,
    metric_value double,
    previous_value double,
    gain_low double,
    gain_high double,
    chance_better double,
    margin double,
    confidence double,
    test_rows bigint,
    reason varchar not null
);

alter table promotions add column if not exists log_loss double;
alter table promotions add column if not exists ece double;
alter table promotions add column if not exists parity double;

comment on column promotions.promoted_at is 'UTC';
comment on column promotions.model_version is 'production from then on';
comment on column promotions.previous_version is 'production until then. NULL: there was none';
comment on column promotions.as_of_date is 'last UTC day of the data that the models were compared on. NULL: rollback';
comment on column promotions.primary_metric is 'the metric they were compared by. NULL: rollback';
comment on column promotions.metric_value is 'of model_version. NULL: rollback';
comment on column promotions.previous_value is 'of previous_version, same rows. NULL: not compared';
comment on column promotions.gain_low is 'low end of the 95 % interval of the gain, more is better. NULL: not compared';
comment on column promotions.gain_high is 'high end of it. NULL: not compared';
comment on column promotions.chance_better is 'share of user resamples with a gain above margin. NULL: not compared';
comment on column promotions.margin is 'gain that was required. NULL: not compared';
comment on column promotions.confidence is 'chance_better that was required. NULL: not compared';
comment on column promotions.test_rows is 'eligible test rows of the comparison. NULL: rollback';
comment on column promotions.log_loss is 'of model_version on those rows. NULL: rollback';
comment on column promotions.ece is 'expected calibration error of model_version on those rows, 0 to 1. NULL: rollback';
comment on column promotions.parity is 'largest difference of its files to the training library. NULL: rollback';
comment on column promotions.reason is 'why, for a person';
