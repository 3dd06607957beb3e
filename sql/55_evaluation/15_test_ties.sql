-- test_ties: one row per population, scorer, list and distinct score, with counts down to that score.
-- grain:  population, scorer, list_date, score
-- reads:  test_rows
-- A table macro: from test_ties('candidate_hgb_...'). A list is the test rows of one date, or of all dates together
-- (list_date NULL). Users with the same score share a row, so that no order among them can improve a metric.
create or replace macro test_ties(version) as table
with grouped as (
    select
        population,
        scorer,
        as_of_date as list_date,
        score,
        count(*) as tied,
        cast(sum(churn_label) as bigint) as churners
    from test_rows(version)
    group by grouping sets ((population, scorer, score), (population, scorer, as_of_date, score))
)

select
    population,
    scorer,
    list_date,
    score,
    tied,
    churners,
    {{ down_to_each_score('population, scorer, list_date') }};
