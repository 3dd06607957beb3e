-- batch_metrics: one row per figure about the jobs, under its Prometheus name.
-- grain:  metric, labels
-- reads:  data_metrics, model_metrics, run_metrics
-- Times, not ages, since an age would not advance between two runs: time() - x is the age. A value that is unknown has
-- no row. Everything that exposes these figures reads this view.
create or replace view batch_metrics as
select
    metric,
    labels,
    value,
    help
from data_metrics
union all
select
    metric,
    labels,
    value,
    help
from model_metrics
union all
select
    metric,
    labels,
    value,
    help
from run_metrics;

comment on column batch_metrics.metric is 'Prometheus name; a gauge';
comment on column batch_metrics.labels is 'in Prometheus notation; empty: the metric has one value';
comment on column batch_metrics.value is 'seconds since 1970 (UTC), share, count or 0/1, as help says';
comment on column batch_metrics.help is 'what the metric means';
