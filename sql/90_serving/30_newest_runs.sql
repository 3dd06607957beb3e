-- newest_runs: one row per command, with its newest run that has ended and counts of all its runs.
-- grain:  command
-- reads:  runs
create or replace view newest_runs as
with ended as (
    select
        command,
        started_at,
        ended_at,
        outcome,
        exit_code,
        message,
        as_of_date,
        row_count,
        row_number() over (
            partition by command
            order by started_at desc
        ) as age,
        count(*) over (partition by command) as all_runs,
        count(*) filter (where outcome in ('failed', 'killed')) over (partition by command) as failed_runs
    from runs
    where outcome != 'running'
)

select
    command,
    started_at,
    ended_at,
    outcome,
    exit_code,
    message,
    as_of_date,
    row_count,
    all_runs,
    failed_runs
from ended
where age = 1;

comment on column newest_runs.command is 'as in churn-duck COMMAND';
comment on column newest_runs.started_at is 'UTC';
comment on column newest_runs.ended_at is 'UTC. NULL: it was killed';
comment on column newest_runs.outcome is 'ok, kept, drifted, no_new_data, failed, interrupted or killed';
comment on column newest_runs.exit_code is 'as docs/exit_codes.md lists them. NULL: it was killed';
comment on column newest_runs.message is 'the error, or the decision. NULL: none';
comment on column newest_runs.as_of_date is 'as-of date of the command. NULL: none';
comment on column newest_runs.row_count is 'as in runs. NULL: nothing to count';
comment on column newest_runs.all_runs is 'runs of the command that have ended';
comment on column newest_runs.failed_runs is 'of them, those that failed or were killed';
