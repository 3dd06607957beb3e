-- top_of_list: one row per population, scorer and length: the churners among the first users of the lists.
-- grain:  population, scorer, top
-- reads:  test_ties
-- A table macro: from top_of_list('candidate_hgb_...', 500). The first `capacity` of every test date's own list, as a
-- team would have called them, and the first 1, 5 and 10 % of all test rows. A group of equal scores that the length
-- cuts counts by its mean. Lift is precision over that of a list in random order.
create or replace macro top_of_list(version, capacity) as table
with lengths as (
    select
        test_ties.population,
        test_ties.scorer,
        test_ties.list_date,
        'capacity' as top,
        least(capacity, test_ties.list_rows) as length,
        test_ties.tied,
        test_ties.churners,
        test_ties.taken,
        test_ties.list_rows,
        test_ties.list_churners
    from test_ties(version) as test_ties
    where test_ties.list_date is not null
    union all
    select
        test_ties.population,
        test_ties.scorer,
        test_ties.list_date,
        shares.top,
        greatest(1, round(shares.share * test_ties.list_rows)) as length,
        test_ties.tied,
        test_ties.churners,
        test_ties.taken,
        test_ties.list_rows,
        test_ties.list_churners
    from test_ties(version) as test_ties
    cross join (
        values ('top_1%', 0.01::double), ('top_5%', 0.05::double), ('top_10%', 0.1::double)
    ) as shares (top, share)
    where test_ties.list_date is null
),

reached as (
    select
        population,
        scorer,
        top,
        list_date,
        length,
        length * list_churners / cast(list_rows as double) as expected,
        sum(
            churners * greatest(0, least(tied, length - taken + tied)) / cast(tied as double)
        ) as found
    from lengths
    group by population, scorer, top, list_date, length, list_rows, list_churners
)

select
    population,
    scorer,
    top,
    cast(sum(length) as bigint) as top_rows,
    sum(found) / sum(length) as precision,
    sum(found) / sum(expected) as lift
from reached
group by population, scorer, top;
