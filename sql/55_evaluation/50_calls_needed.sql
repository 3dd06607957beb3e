-- calls_needed: one row per population and scorer: how many test rows to call to find a share of the churners.
-- grain:  population, scorer
-- reads:  test_ties
-- A table macro: from calls_needed('candidate_hgb_...', 0.5), where 0.5 is half of the churners. Rows are called from
-- the highest score down; within a group of equal scores, churners are taken to be evenly spread.
create or replace macro calls_needed(version, share) as table
with reached as (
    select
        population,
        scorer,
        taken - tied * (found - share * list_churners) / cast(churners as double) as rows_called,
        list_rows,
        row_number() over (
            partition by population, scorer
            order by score desc
        ) as place
    from test_ties(version)
    where
        list_date is null
        and scorer in ('model', 'recency_rule', 'base_rate')
        and churners > 0
        and found >= share * list_churners
)

select
    population,
    scorer,
    rows_called,
    rows_called / list_rows as share_called
from reached
where place = 1;
