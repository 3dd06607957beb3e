-- test_rows: one row per population, scorer and test row of a model version, with the score that ranks it.
-- grain:  population, scorer, user_id, as_of_date
-- reads:  test_scores
-- A table macro: from test_rows('candidate_hgb_...'). Populations: eligible, and all who had signed up. Scorers: the
-- model, the model before calibration (raw), the recency rule, and the base rate, which says the same of everyone.
create or replace macro test_rows(version) as table
with tested as (
    select
        'eligible' as population,
        user_id,
        as_of_date,
        days_since_last_activity,
        churn_label,
        raw_risk,
        churn_risk
    from test_scores
    where model_version = version and is_eligible
    union all
    select
        'all' as population,
        user_id,
        as_of_date,
        days_since_last_activity,
        churn_label,
        raw_risk,
        churn_risk
    from test_scores
    where model_version = version
),

based as (
    select
        population,
        user_id,
        as_of_date,
        days_since_last_activity,
        churn_label,
        raw_risk,
        churn_risk,
        avg(churn_label) over (partition by population) as base_rate
    from tested
)

select
    based.population,
    scorers.scorer,
    based.user_id,
    based.as_of_date,
    based.days_since_last_activity,
    based.churn_label,
    case scorers.scorer
        when 'model' then based.churn_risk
        when 'raw' then based.raw_risk
        when 'recency_rule' then cast(based.days_since_last_activity as double)
        else based.base_rate
    end as score
from based
cross join (values ('model'), ('raw'), ('recency_rule'), ('base_rate')) as scorers (scorer);
