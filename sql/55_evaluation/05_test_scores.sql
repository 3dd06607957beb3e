-- test_scores: one row per model version, user who had signed up and test snapshot: the risk by evaluated.onnx.
-- grain:  model_version, user_id, as_of_date
-- reads:
-- Kept, never rebuilt: every figure of a version's evaluation comes from these rows. The label is the outcome.
create table if not exists test_scores (
    model_version varchar not null,
    user_id {{ id_type }} not null,
    as_of_date date not null,
    is_eligible boolean not null,
    days_since_last_activity integer not null,
    churn_label integer not null,
    raw_risk double not null,
    churn_risk double not null
);

comment on column test_scores.model_version is 'the model, as evaluated.onnx';
comment on column test_scores.user_id is 'the user';
comment on column test_scores.as_of_date is 'features were known at the end of this UTC day';
comment on column test_scores.is_eligible is 'true: would have been ranked; false: only in the population of all users';
comment on column test_scores.days_since_last_activity is 'the recency rule ranks by it';
comment on column test_scores.churn_label is '1: no active day in the churn_window_days after it; 0: at least one';
comment on column test_scores.raw_risk is 'probability before calibration, 0 to 1';
comment on column test_scores.churn_risk is 'probability after calibration, 0 to 1; raw_risk where there was none';
