-- drift_bins: one row per model version, feature and bin, with the share of the reference rows that it held.
-- grain:  model_version, feature, bin
-- reads:
-- Kept, never rebuilt; written with the model. The outermost ranges are open, and begin where a value lies beyond all
-- that was seen by more than the whole range seen. A value with a bin of its own is in no range.
create table if not exists drift_bins (
    model_version varchar not null,
    feature varchar not null,
    bin integer not null,
    kind varchar not null,
    lower_bound double,
    upper_bound double,
    level varchar,
    expected_share double not null,
    n bigint not null,
    primary key (model_version, feature, bin)
);

comment on column drift_bins.model_version is 'the model';
comment on column drift_bins.feature is 'a feature of the model, churn_risk (its score) or churn_label';
comment on column drift_bins.bin is 'number of the bin within its feature, from 1';
comment on column drift_bins.kind is
'range, point (one value that is frequent), level (a word), null, or unseen (any other word)';
comment on column drift_bins.lower_bound is 'lowest value of a range, -inf: open; the value of a point. NULL: others';
comment on column drift_bins.upper_bound is 'a range ends before it, inf: open; the value of a point. NULL: others';
comment on column drift_bins.level is 'the word of a level. NULL: others';
comment on column drift_bins.expected_share is 'share of the reference rows, 0 to 1, not smoothed';
comment on column drift_bins.n is 'reference rows in it';
