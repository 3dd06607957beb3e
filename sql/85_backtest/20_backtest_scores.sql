-- backtest_scores: one row per origin and user scored then, with the outcome of the churn_window_days after it.
-- grain:  origin_date, user_id
-- reads:
-- Kept, never rebuilt: each backtest replaces the one before it as a whole. The label was looked up afterwards.
create table if not exists backtest_scores (
    origin_date date not null,
    user_id {{ id_type }} not null,
    days_since_last_activity integer not null,
    churn_risk double not null,
    incumbent_risk double,
    churn_label integer not null
);

comment on column backtest_scores.origin_date is 'features were known at the end of this UTC day';
comment on column backtest_scores.user_id is 'the user, eligible on that day';
comment on column backtest_scores.days_since_last_activity is 'the recency rule ranks by it';
comment on column backtest_scores.churn_risk is 'probability by the model that scored, 0 to 1';
comment on column backtest_scores.incumbent_risk is 'the same by the production model until then. NULL: there was none';
comment on column backtest_scores.churn_label is '1: no active day in the churn_window_days after it; 0: at least one';
