-- gain_curve: one row per population, scorer and hundredth of the test rows called, with the share of churners found.
-- grain:  population, scorer, hundredth
-- reads:  test_ties
-- A table macro: from gain_curve('candidate_hgb_...') order by all. Rows are called from the highest score down; within
-- a group of equal scores, churners are taken to be evenly spread. The base rate finds the share that it calls.
create or replace macro gain_curve(version) as table
with ties as (
    select
        population,
        scorer,
        tied,
        churners,
        found,
        taken - tied as taken_before,
        list_rows,
        list_churners
    from test_ties(version)
    where list_date is null and scorer in ('model', 'recency_rule', 'base_rate')
),

lists as (
    select distinct
        population,
        scorer,
        list_rows
    from ties
),

hundredths as (
    select unnest(generate_series(0, 100)) as hundredth
),

calls as (
    select
        lists.population,
        lists.scorer,
        hundredths.hundredth,
        hundredths.hundredth * lists.list_rows / cast(100 as double) as rows_called
    from lists
    cross join hundredths
)

select
    calls.population,
    calls.scorer,
    calls.hundredth,
    calls.hundredth / cast(100 as double) as share_called,
    (
        ties.found - ties.churners
        + ties.churners * (calls.rows_called - ties.taken_before) / cast(ties.tied as double)
    ) / ties.list_churners as share_found
from calls
-- the last group that the calls reach is a range, not an equality, so an ASOF join
asof inner join ties
    on
        calls.population = ties.population
        and calls.scorer = ties.scorer
        and calls.rows_called >= ties.taken_before;
