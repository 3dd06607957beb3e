-- run_metrics: one row per figure about the commands themselves that batch_metrics exposes.
-- grain:  metric, labels
-- reads:  newest_runs
-- A value that is unknown has no row.
create or replace view run_metrics as
with samples as (
    select
        figures.metric,
        figures.labels,
        figures.value,
        figures.help
    from newest_runs
    cross join lateral (
        values
        (
            'churn_last_run_timestamp_seconds',
            'command="' || newest_runs.command || '"',
            epoch(coalesce(newest_runs.ended_at, newest_runs.started_at)),
            'When the command last ended, or began if it was killed.'
        ),
        (
            'churn_last_run_failed',
            'command="' || newest_runs.command || '"',
            cast(newest_runs.outcome in ('failed', 'interrupted', 'killed') as integer),
            '1 if the command last failed, was interrupted or killed, else 0.'
        ),
        (
            'churn_last_run_exit_code',
            'command="' || newest_runs.command || '"',
            newest_runs.exit_code,
            'Its exit code, absent if it was killed.'
        ),
        (
            'churn_last_run_info',
            'command="' || newest_runs.command || '",outcome="' || newest_runs.outcome || '"',
            1,
            'How the command last ended.'
        )
    ) as figures (metric, labels, value, help)
)

select
    metric,
    labels,
    cast(value as double) as value,
    help
from samples
where value is not null;

comment on column run_metrics.metric is 'Prometheus name; a gauge';
comment on column run_metrics.labels is 'in Prometheus notation; empty: the metric has one value';
comment on column run_metrics.value is 'seconds since 1970 (UTC), exit code or 0/1, as help says';
comment on column run_metrics.help is 'what the metric means';
