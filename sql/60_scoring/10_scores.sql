-- scores: one row per scored user, day, model version and time of scoring: the ledger.
-- grain:  user_id, as_of_date, model_version, scored_at
-- reads:
-- Append-only, never rebuilt. A scoring that repeats the last one to the digit adds nothing.
create table if not exists scores (
    user_id {{ id_type }} not null,
    as_of_date date not null,
    model_version varchar not null,
    churn_risk double not null,
    risk_rank bigint not null,
    scored_at timestamp not null
);

comment on column scores.user_id is 'the user';
comment on column scores.as_of_date is 'features were known at the end of this UTC day';
comment on column scores.model_version is 'the model that scored';
comment on column scores.churn_risk is 'probability, 0 to 1, of no activity in the next churn_window_days';
comment on column scores.risk_rank is '1 is the highest risk; ties by user_id';
comment on column scores.scored_at is 'when it was scored, UTC';
