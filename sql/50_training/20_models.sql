-- models: one row per registered model version.
-- grain:  model_version
-- reads:
-- Kept, never rebuilt: build adds the table where it is missing.
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

comment on column models.model_version is 'model, UTC stamp and the first digits of the digest of its graph';
comment on column models.model is 'baseline_logreg, candidate_hgb or blend';
comment on column models.created_at is 'when it was registered, UTC';
comment on column models.as_of_date is 'the world it was trained on ended this evening (UTC)';
comment on column models.file_sha256 is 'digest of model.onnx, the one that scores';
comment on column models.evaluated_sha256 is 'digest of evaluated.onnx, the one that earned the metrics';
comment on column models.data_hash is 'SHA-256 over the landed files it was trained on';
comment on column models.sql_hash is 'SHA-256 over the SQL that made its rows';
comment on column models.metrics is 'what metrics.json beside the model says';
