-- scored_days: one row per scored day as its newest scoring saw it, and the scored day before it.
-- grain:  as_of_date
-- reads:  predictions
create or replace view scored_days as
with days as (
    select
        as_of_date,
        model_version,
        scored_at,
        count(*) as scored_users,
        avg(churn_risk) as mean_risk
    from predictions
    group by as_of_date, model_version, scored_at
)

select
    as_of_date,
    model_version,
    scored_at,
    scored_users,
    round(mean_risk, 12) as mean_risk,
    lag(as_of_date) over by_day as earlier_date,
    lag(model_version) over by_day as earlier_model_version
from days
window by_day as (order by as_of_date);

comment on column scored_days.as_of_date is 'the scored UTC day';
comment on column scored_days.model_version is 'the model that scored';
comment on column scored_days.scored_at is 'the newest scoring of that day, UTC';
comment on column scored_days.scored_users is 'users in it';
comment on column scored_days.mean_risk is 'mean churn_risk of them, 0 to 1';
comment on column scored_days.earlier_date is 'the scored day before it. NULL: it is the first';
comment on column scored_days.earlier_model_version is 'the model that scored that day. NULL: it is the first';
