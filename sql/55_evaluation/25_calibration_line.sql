-- calibration_line: one row per population and scorer, the logistic regression of the label on the log-odds.
-- grain:  population, scorer
-- reads:  test_ties
-- A table macro: from calibration_line('candidate_hgb_...'). Slope 1 and intercept 0 are perfect; a slope below 1 means
-- that the risks are too extreme. Newton's method, 25 steps from the base rate, none longer than 0.5 in slope or 1
-- in intercept, so that none overshoots; risks are clipped 1e-15 off 0 and 1.
create or replace macro calibration_line(version) as table
with recursive points as (
    select
        population,
        scorer,
        ln(
            greatest(least(score, 1 - 1e-15), 1e-15)
            / (1 - greatest(least(score, 1 - 1e-15), 1e-15))
        ) as log_odds,
        tied,
        churners,
        list_churners / cast(list_rows as double) as base_rate
    from test_ties(version)
    where list_date is null and scorer in ('model', 'raw')
),

steps as (
    select
        population,
        scorer,
        0 as step,
        cast(0 as double) as slope,
        ln(any_value(base_rate) / (1 - any_value(base_rate))) as intercept
    from points
    group by population, scorer
    union all
    select
        population,
        scorer,
        step + 1 as step,
        slope + slope_step * least(1, 1 / greatest(abs(2 * slope_step), abs(intercept_step), 1e-12)) as slope,
        intercept + intercept_step * least(1, 1 / greatest(abs(2 * slope_step), abs(intercept_step), 1e-12))
            as intercept
    from (
        select
            population,
            scorer,
            step,
            slope,
            intercept,
            (h00 * g1 - h01 * g0) / nullif(h00 * h11 - h01 * h01, 0) as slope_step,
            (h11 * g0 - h01 * g1) / nullif(h00 * h11 - h01 * h01, 0) as intercept_step
        from (
            select
                population,
                scorer,
                step,
                slope,
                intercept,
                -- gradient of the log-likelihood, then its negative Hessian
                sum(churners - tied * fitted) as g0,
                sum((churners - tied * fitted) * log_odds) as g1,
                sum(tied * fitted * (1 - fitted)) as h00,
                sum(tied * fitted * (1 - fitted) * log_odds) as h01,
                sum(tied * fitted * (1 - fitted) * log_odds * log_odds) as h11
            from (
                select
                    steps.population,
                    steps.scorer,
                    steps.step,
                    steps.slope,
                    steps.intercept,
                    points.log_odds,
                    points.tied,
                    points.churners,
                    1 / (1 + exp(-(steps.slope * points.log_odds + steps.intercept))) as fitted
                from steps
                inner join points
                    on steps.population = points.population and steps.scorer = points.scorer
                where steps.step < 25
            ) as predicted
            group by population, scorer, step, slope, intercept
        ) as derivatives
    ) as newton
)

select
    population,
    scorer,
    slope,
    intercept
from steps
where step = 25;
