-- evaluation: one row per population, scorer and metric of a model version, with its 95 % interval.
-- grain:  population, scorer, metric
-- reads:  test_metrics, test_intervals
-- A table macro: from evaluation('candidate_hgb_...', 50). Capacities other than scoring.top_k have intervals only
-- after churn-duck evaluate --capacity; low and high are NULL where there is none.
create or replace macro evaluation(version, capacity) as table
with intervals as (
    select
        population,
        scorer,
        metric,
        low,
        high
    from test_intervals
    where test_intervals.model_version = version and test_intervals.top_k = capacity
)

select
    test_metrics.population,
    test_metrics.scorer,
    test_metrics.metric,
    test_metrics.value,
    intervals.low,
    intervals.high
from test_metrics(version, capacity) as test_metrics
left join intervals
    on
        test_metrics.population = intervals.population
        and test_metrics.scorer = intervals.scorer
        and test_metrics.metric = intervals.metric;
