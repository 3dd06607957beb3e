-- runs: one row per run of a command that writes the warehouse.
-- grain:  started_at
-- reads:
-- Kept, never rebuilt. A command inserts its row when it starts and completes it when it ends; a killed run is marked
-- by the next command, which starts only after the other is gone.
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
comment on column runs.command is 'as in churn-duck COMMAND';
comment on column runs.ended_at is 'UTC. NULL: not yet, or it was killed';
comment on column runs.outcome is 'running, ok, kept, drifted, no_new_data, failed, interrupted or killed';
comment on column runs.exit_code is 'as docs/exit_codes.md lists them. NULL: not yet, or it was killed';
comment on column runs.message is 'the error, or the decision. NULL: none';
comment on column runs.as_of_date is 'as-of date of the command. NULL: none';
comment on column runs.row_count is
'rows landed, offences, active days, training rows, or users scored or compared. NULL: nothing to count';
comment on column runs.model_version is 'models created, evaluated or used, separated by commas. NULL: none';
comment on column runs.data_hash is 'SHA-256 over the landed files when it ended. NULL: users or events are missing';
comment on column runs.churn_duck_version is 'version of Churn Duck';
comment on column runs.duckdb_version is 'version of DuckDB';
