-- model_splits: one row per model version and snapshot date, as training_snapshots was when the model was trained.
-- grain:  model_version, as_of_date
-- reads:
-- Kept, never rebuilt: training_snapshots moves on with the data, the split of a trained version does not.
create table if not exists model_splits (
    model_version varchar not null,
    as_of_date date not null,
    label_end_date date not null,
    split varchar not null,
    calibration_role varchar
);

comment on column model_splits.model_version is 'the model that was trained and tested on this split';
comment on column model_splits.as_of_date is 'features were known at the end of this UTC day';
comment on column model_splits.label_end_date is 'last day that the label looked at';
comment on column model_splits.split is
'train, purge, test or by_user; warm_up in old versions: too early for a full look-back';
comment on column model_splits.calibration_role is
'of a training date: fit, purge or calibrate. NULL: not a training date, or no room for a purged calibration';
