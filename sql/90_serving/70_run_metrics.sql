-- run_metrics: one row per figure about the commands themselves that batch_metrics exposes.
-- grain:  metric, labels
-- reads:  newest_runs
create or replace view run_metrics as
with samples as (
    select
        'churn_last_run_timestamp_seconds' as metric,
        'command="' || command || '"' as labels,
        epoch(coalesce(ended_at, started_at)) as value,
        'When the command last ended, or began if it was killed.' as help
    from newest_runs
    union all
    select
        'churn_last_run_failed' as metric,
        'command="' || command || '"' as labels,
        cast(outcome in ('failed', 'interrupted', 'killed') as integer) as value,
        '1 where the command last failed, was interrupted or killed, else 0.' as help
    from newest_runs
    union all
    select
        'churn_last_run_exit_code' as metric,
        'command="' || command || '"' as labels,
        exit_code as value,
        'Its exit code, and nothing where it was killed.' as help
    from newest_runs
    union all
    select
        'churn_last_run_info' as metric,
        'command="' || command || '",outcome="' || outcome || '"' as labels,
        1 as value,
        'How the command last ended.' as help
    from newest_runs
)

select
    metric,
    labels,
    cast(value as double) as value,
    help
from samples
where value is not null;

comment on column run_metrics.metric is 'its name; a gauge';
comment on column run_metrics.labels is 'in the notation of Prometheus; empty: there is one value only';
comment on column run_metrics.value is 'seconds since 1970 (UTC), exit code or 0/1, as help says';
comment on column run_metrics.help is 'what it is, for a person';
