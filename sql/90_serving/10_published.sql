-- published: one row per published snapshot: its manifest. Inside a snapshot, its own row only.
-- grain:  snapshot_id
-- reads:
-- Append-only, never rebuilt. A snapshot's relations are tables of the same names and columns as the views here.
create table if not exists published (
    snapshot_id varchar primary key,
    published_at timestamp not null,
    schema_version integer not null,
    world_date date,
    as_of_date date,
    scored_by varchar,
    model_version varchar,
    model_sha256 varchar,
    table_rows json not null,
    churn_duck_version varchar not null,
    duckdb_version varchar not null
);

comment on column published.snapshot_id is 'time of publishing (UTC) and random digits; the name of the file';
comment on column published.published_at is 'when, UTC';
comment on column published.schema_version is 'of the set of relations; readers refuse any other';
comment on column published.world_date is 'as-of date: outcomes as known at the end of this UTC day. NULL: no events';
comment on column published.as_of_date is 'the newest scored day. NULL: nothing has been scored';
comment on column published.scored_by is 'the model version of its predictions. NULL: nothing has been scored';
comment on column published.model_version is 'production at that moment. NULL: no model was in production';
comment on column published.model_sha256 is 'digest of its model.onnx. NULL: like model_version';
comment on column published.table_rows is 'rows of each published table, by its name';
comment on column published.churn_duck_version is 'version of Churn Duck that published';
comment on column published.duckdb_version is 'version of DuckDB that wrote the file';
