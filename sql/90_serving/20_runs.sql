-- runs: one row per command that changed the warehouse, or tried to.
-- grain:  started_at
-- reads:
-- Kept, never rebuilt. A command writes its row when it begins and completes it when it ends; one that was killed is
-- marked by the next command, which can only begin when the other is gone.
create table if not exists runs (
    started_at timestamp primary key,
    command varchar not null,
    ended_at timestamp,
    outcome varchar not null,
    exit_code integer,
    message varchar,
    as_of_date date,
    row_count bigint,
    model_version varchar,
    data_hash varchar,
    churn_duck_version varchar not null,
    duckdb_version varchar not null
);

comment on column runs.started_at is 'UTC';
comment on column runs.command is 'as it is called: churn-duck COMMAND';
comment on column runs.ended_at is 'UTC. NULL: not yet, or it was killed';
comment on column runs.outcome is 'running, ok, kept, drifted, no_new_data, failed, interrupted or killed';
comment on column runs.exit_code is 'as docs/exit_codes.md lists them. NULL: not yet, or it was killed';
comment on column runs.message is 'what went wrong, or what was decided. NULL: nothing to say';
comment on column runs.as_of_date is 'the world that the command saw ended then. NULL: it saw none';
comment on column runs.row_count is
'rows landed, offences, active days, training rows, or users scored or compared. NULL: nothing to count';
comment on column runs.model_version is 'made, judged or used; several with commas. NULL: none';
comment on column runs.data_hash is 'SHA-256 over the landed files when it ended. NULL: users or events are missing';
comment on column runs.churn_duck_version is 'that ran';
comment on column runs.duckdb_version is 'that ran';
