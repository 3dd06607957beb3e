-- production: one row when a registered model is in production: which one, since when, and the digest of its file.
-- grain:  (one row)
-- reads:  current_production, models
create or replace view production as
select
    current_production.model_version,
    models.model,
    models.created_at,
    models.as_of_date,
    current_production.promoted_at,
    current_production.reason,
    models.file_sha256
from current_production
inner join models on current_production.model_version = models.model_version;

comment on column production.model_version is 'the model that scores';
comment on column production.model is 'baseline_logreg, candidate_hgb or blend';
comment on column production.created_at is 'when it was registered, UTC';
comment on column production.as_of_date is 'last UTC day of the data that it was trained on';
comment on column production.promoted_at is 'when it became production, UTC';
comment on column production.reason is 'why, for a person';
comment on column production.file_sha256 is 'SHA-256 of its model.onnx';
