-- backtest_leaks: one row per origin whose model had labels that looked past it: there must be none.
-- grain:  origin_date
-- reads:  backtest_runs
create or replace view backtest_leaks as
select
    origin_date,
    model_version,
    last_label_date
from backtest_runs
where last_label_date > origin_date;

comment on column backtest_leaks.origin_date is 'the evening on which the world ended';
comment on column backtest_leaks.model_version is 'the model that knew too much';
comment on column backtest_leaks.last_label_date is 'last day that its labels looked at';
