-- backtest_leaks: one row per origin whose model was trained on labels of later days: there must be none.
-- grain:  origin_date
-- reads:  backtest_runs
create or replace view backtest_leaks as
select
    origin_date,
    model_version,
    last_label_date
from backtest_runs
where last_label_date > origin_date;

comment on column backtest_leaks.origin_date is 'last UTC day of the data for training and scoring';
comment on column backtest_leaks.model_version is 'the model that was trained on later days';
comment on column backtest_leaks.last_label_date is 'last day of its label windows';
