-- test_rows: one row per population, scorer and test row of a model version, with the score that ranks it.
-- grain:  population, scorer, user_id, as_of_date
-- reads:  test_scores
-- A table macro: from test_rows('candidate_hgb_...'). Populations: eligible, and all who had signed up. Scorers: the
-- model, the model before calibration (raw), the recency rule, and the base rate, the same for everyone.
create or replace macro test_rows(version) as table
with populations as (
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

with_base_rate as (
    select
        population,
        user_id,
        as_of_date,
        days_since_last_activity,
        churn_label,
        raw_risk,
        churn_risk,
        avg(churn_label) over (partition by population) as base_rate
    from populations
)

select
    with_base_rate.population,
    scorers.scorer,
    with_base_rate.user_id,
    with_base_rate.as_of_date,
    with_base_rate.days_since_last_activity,
    with_base_rate.churn_label,
    case scorers.scorer
        when 'model' then with_base_rate.churn_risk
        when 'raw' then with_base_rate.raw_risk
        when 'recency_rule' then cast(with_base_rate.days_since_last_activity as double)
        else with_base_rate.base_rate
    end as score
from with_base_rate
cross join (values ('model'), ('raw'), ('recency_rule'), ('base_rate')) as scorers (scorer);
