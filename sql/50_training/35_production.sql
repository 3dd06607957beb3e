-- production: one row when a model is in production: which one, since when, and the digest of its file.
-- grain:  (one row)
-- reads:  promotions, models
create or replace view production as
with ranked as (
    select
        promotions.model_version,
        promotions.promoted_at,
        promotions.reason,
        row_number() over (
            order by promotions.promoted_at desc
        ) as age
    from promotions
)

select
    ranked.model_version,
    models.model,
    models.created_at,
    models.as_of_date,
    ranked.promoted_at,
    ranked.reason,
    models.file_sha256
from ranked
inner join models on ranked.model_version = models.model_version
where ranked.age = 1;

comment on column production.model_version is 'the model that scores';
comment on column production.model is 'baseline_logreg, candidate_hgb or blend';
comment on column production.created_at is 'when it was registered, UTC';
comment on column production.as_of_date is 'the world it was trained on ended this evening (UTC)';
comment on column production.promoted_at is 'when it became production, UTC';
comment on column production.reason is 'why, for a person';
comment on column production.file_sha256 is 'digest of its model.onnx';
