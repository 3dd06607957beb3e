-- drift_bins: one row per model version, feature and bin, with its share of the reference rows.
-- grain:  model_version, feature, bin
-- reads:
-- Kept, never rebuilt; written with the model. The outermost ranges are open: they begin one whole observed range
-- beyond the lowest and the highest observed value. A value with a bin of its own is in no range.
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
'range, point (one frequent value), level (one category), null, or unseen (any other category)';
comment on column drift_bins.lower_bound is 'lowest value of a range, -inf: open; the value of a point. NULL: others';
comment on column drift_bins.upper_bound is 'a range ends before it, inf: open; the value of a point. NULL: others';
comment on column drift_bins.level is 'the category of a level. NULL: others';
comment on column drift_bins.expected_share is 'share of the reference rows, 0 to 1, not smoothed';
comment on column drift_bins.n is 'reference rows in the bin';
