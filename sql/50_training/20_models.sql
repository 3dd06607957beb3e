-- models: one row per registered model version.
-- grain:  model_version
-- reads:
-- Kept, never rebuilt: build creates the table where it is missing.
create table if not exists models (
    model_version varchar primary key,
    model varchar not null,
    created_at timestamp not null,
    as_of_date date not null,
    file_sha256 varchar not null,
    evaluated_sha256 varchar not null,
    data_hash varchar not null,
    sql_hash varchar not null,
    metrics json not null
);

comment on column models.model_version is 'model, UTC timestamp and the first digits of the SHA-256 of its graph';
comment on column models.model is 'baseline_logreg, candidate_hgb or blend';
comment on column models.created_at is 'when it was registered, UTC';
comment on column models.as_of_date is 'last UTC day of the data that it was trained on';
comment on column models.file_sha256 is 'SHA-256 of model.onnx, which scores';
comment on column models.evaluated_sha256 is 'SHA-256 of evaluated.onnx, which was measured on the test rows';
comment on column models.data_hash is 'SHA-256 of the landed files it was trained on';
comment on column models.sql_hash is 'SHA-256 of the SQL that built its training rows';
comment on column models.metrics is 'content of metrics.json beside the model';
