-- last_runs: one row per command, the last time that it ended or was killed.
-- grain:  command
-- reads:  runs
create or replace view last_runs as
with ranked as (
    select
        command,
        started_at,
        ended_at,
        outcome,
        exit_code,
        said,
        row_number() over (
            partition by command
            order by started_at desc
        ) as age
    from runs
    where outcome <> 'running'
)

select
    command,
    started_at,
    ended_at,
    outcome,
    exit_code,
    said
from ranked
where age = 1;

comment on column last_runs.command is 'as it is called: churn-duck COMMAND';
comment on column last_runs.started_at is 'UTC';
comment on column last_runs.ended_at is 'UTC. NULL: it was killed';
comment on column last_runs.outcome is 'ok, kept, drifted, nothing_new, failed, interrupted or killed';
comment on column last_runs.exit_code is 'as docs/exit_codes.md lists them. NULL: it was killed';
comment on column last_runs.said is 'what went wrong, or what was decided. NULL: nothing to say';
