-- backtest_runs: one row per origin of the last backtest: what was trained, decided and scored as of that day.
-- grain:  origin_date
-- reads:
-- Kept, never rebuilt: each backtest replaces the one before it as a whole.
create table if not exists backtest_runs (
    origin_date date primary key,
    model_version varchar not null,
    incumbent_version varchar,
    is_promoted boolean not null,
    reason varchar not null,
    train_rows bigint not null,
    last_label_date date not null,
    top_k integer not null,
    backtested_at timestamp not null
);

comment on column backtest_runs.origin_date is 'last UTC day of the data for training and scoring';
comment on column backtest_runs.model_version is 'the model that scored, after the promotion gate';
comment on column backtest_runs.incumbent_version is 'production until that day. NULL: there was none';
comment on column backtest_runs.is_promoted is 'true: a new model was promoted';
comment on column backtest_runs.reason is 'why, for a person';
comment on column backtest_runs.train_rows is 'rows that the scoring model was trained on';
comment on column backtest_runs.last_label_date is 'last day of the label windows of those rows';
comment on column backtest_runs.top_k is 'users at the top of the list who are called';
comment on column backtest_runs.backtested_at is 'when the backtest ended, UTC';
