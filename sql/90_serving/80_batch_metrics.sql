-- batch_metrics: one row per figure about the work of the jobs, in the words of Prometheus.
-- grain:  metric, labels
-- reads:  data_metrics, model_metrics, run_metrics
-- Moments, not ages, since an age would stand still between two runs: time() - x is the age. A figure that is not known
-- has no row. Whatever exposes these figures reads them here, so that all say the same.
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

comment on column batch_metrics.metric is 'its name; a gauge';
comment on column batch_metrics.labels is 'in the notation of Prometheus; empty: there is one value only';
comment on column batch_metrics.value is 'seconds since 1970 (UTC), share, number or 0/1, as help says';
comment on column batch_metrics.help is 'what it is, for a person';
