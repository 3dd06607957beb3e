-- current_production: one row when a model has been promoted: that of the newest promotion, registered or not.
-- grain:  (one row)
-- reads:  promotions
-- The view production has the same row with what is registered of the model, and no row where it is not registered.
create or replace view current_production as
with ranked as (
    select
        model_version,
        promoted_at,
        reason,
        row_number() over (
            order by promoted_at desc
        ) as age
    from promotions
)

select
    model_version,
    promoted_at,
    reason
from ranked
where age = 1;

comment on column current_production.model_version is 'the model in production';
comment on column current_production.promoted_at is 'when it became production, UTC';
comment on column current_production.reason is 'why, for a person';
