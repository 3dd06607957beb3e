-- top_of_list: one row per population, scorer and reach: the churners among the first users of the lists.
-- grain:  population, scorer, reach
-- reads:  test_ties
-- A table macro: from top_of_list('candidate_hgb_...', 500). The first `capacity` of every test date's own list, as a
-- team would have called them, and the first 1, 5 and 10 % of all test rows. Of a group of equal scores that the end of
-- the list cuts, the mean counts. Lift is precision relative to a list in random order.
create or replace macro top_of_list(version, capacity) as table
with ties as (
    select
        population,
        scorer,
        list_date,
        tied,
        churners,
        taken,
        list_rows,
        list_churners
    from test_ties(version)
),

lengths as (
    select
        ties.population,
        ties.scorer,
        ties.list_date,
        'capacity' as reach,
        least(capacity, ties.list_rows) as first_rows,
        ties.tied,
        ties.churners,
        ties.taken,
        ties.list_rows,
        ties.list_churners
    from ties
    where ties.list_date is not null
    union all
    select
        ties.population,
        ties.scorer,
        ties.list_date,
        top_shares.reach,
        greatest(1, round(top_shares.share * ties.list_rows)) as first_rows,
        ties.tied,
        ties.churners,
        ties.taken,
        ties.list_rows,
        ties.list_churners
    from ties
    cross join (
        values
        ('top_1%', cast(0.01 as double)),
        ('top_5%', cast(0.05 as double)),
        ('top_10%', cast(0.1 as double))
    ) as top_shares (reach, share)
    where ties.list_date is null
),

reached as (
    select
        population,
        scorer,
        reach,
        list_date,
        first_rows,
        first_rows * list_churners / cast(list_rows as double) as expected,
        {{ churners_in_first_rows() }} as found
    from lengths
    group by population, scorer, reach, list_date, first_rows, list_rows, list_churners
)

select
    population,
    scorer,
    reach,
    cast(sum(first_rows) as bigint) as top_rows,
    sum(found) / sum(first_rows) as hit_rate,
    sum(found) / sum(expected) as lift
from reached
group by population, scorer, reach;
