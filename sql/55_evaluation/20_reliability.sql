-- reliability: one row per population, scorer and tenth of the test rows by risk: mean risk and churn rate.
-- grain:  population, scorer, tenth
-- reads:  test_ties
-- A table macro: from reliability('candidate_hgb_...') order by all. Equal risks stay together, so tenths can differ in
-- size. Scorers: the model, and the model before calibration (raw).
create or replace macro reliability(version) as table
with placed as (
    select
        population,
        scorer,
        score,
        tied,
        churners,
        {{ tenth_by_risk() }} as tenth
    from test_ties(version)
    where list_date is null and scorer in ('model', 'raw')
)

select
    population,
    scorer,
    tenth,
    cast(sum(tied) as bigint) as test_rows,
    round(sum(score * tied) / sum(tied), 12) as mean_risk,
    sum(churners) / cast(sum(tied) as double) as churn_rate
from placed
group by population, scorer, tenth;
