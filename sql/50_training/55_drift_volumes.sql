-- drift_volumes: one row per model version and quantity of data, with the expected amount.
-- grain:  model_version, quantity
-- reads:
-- Kept, never rebuilt; written with the model.
create table if not exists drift_volumes (
    model_version varchar not null,
    quantity varchar not null,
    expected double not null,
    usual_factor double not null,
    primary key (model_version, quantity)
);

comment on column drift_volumes.model_version is 'the model';
comment on column drift_volumes.quantity is
'eligible_rows, events_last_day, events_last_7_days, or silent_days (days without any event up to the as-of date)';
comment on column drift_volumes.expected is
'mean over the seven days of the reference; of silent_days: the most in the year before';
comment on column drift_volumes.usual_factor is
'factor up or down from expected that days of the year before rarely exceeded; 1 for silent_days';
