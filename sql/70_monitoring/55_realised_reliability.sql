-- realised_reliability: one row per scored day, model version and tenth of the users by risk: risk and outcome.
-- grain:  as_of_date, model_version, tenth
-- reads:  realised_ties
-- Matured rows only. Equal risks stay together, so tenths can differ in size.
create or replace view realised_reliability as
with placed as (
    select
        as_of_date,
        model_version,
        score,
        tied,
        churners,
        {{ tenth_by_risk() }} as tenth
    from realised_ties
    where scorer = 'model'
)

select
    as_of_date,
    model_version,
    tenth,
    cast(sum(tied) as bigint) as matured_users,
    round(sum(score * tied) / sum(tied), 12) as mean_risk,
    sum(churners) / cast(sum(tied) as double) as churn_rate
from placed
group by as_of_date, model_version, tenth;

comment on column realised_reliability.as_of_date is 'the scored UTC day';
comment on column realised_reliability.model_version is 'the model that scored';
comment on column realised_reliability.tenth is '1: the lowest risks, 10: the highest';
comment on column realised_reliability.matured_users is 'users in this tenth whose label is known';
comment on column realised_reliability.mean_risk is 'what was said, 0 to 1';
comment on column realised_reliability.churn_rate is 'share of churners, 0 to 1';
