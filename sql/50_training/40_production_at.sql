-- production_at: one row, the model that was in production at a moment; none before the first promotion.
-- grain:  (one row)
-- reads:  promotions
-- A table macro: from production_at(timestamp '2025-04-30 12:00:00'), UTC.
create or replace macro production_at(moment) as table
with promoted as (
    select
        model_version,
        promoted_at,
        reason,
        row_number() over (
            order by promoted_at desc
        ) as age
    from promotions
    where promoted_at <= cast(moment as timestamp)
)

select
    model_version,
    promoted_at,
    reason
from promoted
where age = 1;
