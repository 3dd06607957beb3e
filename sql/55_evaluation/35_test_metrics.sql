-- test_metrics: one row per population, scorer and metric: the figures of a model version's evaluation.
-- grain:  population, scorer, metric
-- reads:  test_rows, test_ties, reliability, calibration_line, top_of_list
-- A table macro: from test_metrics('candidate_hgb_...', 50). Ties count by expectation: a constant score has a ROC-AUC
-- of one half and lifts of 1. The recency rule has no losses, since days are not probabilities.
create or replace macro test_metrics(version, capacity) as table
with ties as (
    select
        population,
        scorer,
        tied,
        churners,
        taken,
        found,
        list_rows,
        list_churners
    from test_ties(version)
    where list_date is null
),

ranked as (
    select
        population,
        scorer,
        {{ pr_auc() }} as pr_auc,
        {{ roc_auc() }} as roc_auc
    from ties
    group by population, scorer
),

losses as (
    select
        population,
        scorer,
        -avg(
            case
                when churn_label = 1 then ln(greatest(score, 1e-15))
                else ln(greatest(1 - score, 1e-15))
            end
        ) as log_loss,
        avg((score - churn_label) * (score - churn_label)) as brier
    from test_rows(version)
    where scorer <> 'recency_rule'
    group by population, scorer
),

counted as (
    select
        population,
        count(*) as test_rows,
        count(distinct user_id) as test_users,
        avg(churn_label) as churn_rate,
        avg(
            case when churn_label = 1 then cast(days_since_last_activity >= 14 as integer) end
        ) as silent_churners
    from test_rows(version)
    where scorer = 'model'
    group by population
),

eces as (
    select
        population,
        scorer,
        sum(test_rows * abs(mean_risk - churn_rate)) / sum(test_rows) as ece
    from reliability(version)
    group by population, scorer
),

gains as (
    select
        models.population,
        models.pr_auc - rules.pr_auc as pr_auc_gain,
        models.roc_auc - rules.roc_auc as roc_auc_gain
    from ranked as models
    inner join ranked as rules on models.population = rules.population
    where models.scorer = 'model' and rules.scorer = 'recency_rule'
),

metrics as (
    select
        population,
        'rows' as scorer,
        'test_rows' as metric,
        cast(test_rows as double) as value
    from counted
    union all
    select
        population,
        'rows' as scorer,
        'test_users' as metric,
        cast(test_users as double) as value
    from counted
    union all
    select
        population,
        'rows' as scorer,
        'churn_rate' as metric,
        churn_rate as value
    from counted
    union all
    select
        population,
        'rows' as scorer,
        'silent_churners' as metric,
        silent_churners as value
    from counted
    union all
    select
        population,
        scorer,
        'pr_auc' as metric,
        pr_auc as value
    from ranked
    union all
    select
        population,
        scorer,
        'roc_auc' as metric,
        roc_auc as value
    from ranked
    union all
    select
        population,
        scorer,
        'log_loss' as metric,
        log_loss as value
    from losses
    union all
    select
        population,
        scorer,
        'brier' as metric,
        brier as value
    from losses
    union all
    select
        population,
        scorer,
        'ece' as metric,
        ece as value
    from eces
    union all
    select
        population,
        scorer,
        'slope' as metric,
        slope as value
    from calibration_line(version)
    union all
    select
        population,
        scorer,
        'intercept' as metric,
        intercept as value
    from calibration_line(version)
    union all
    select
        population,
        scorer,
        'precision_' || reach as metric,
        hit_rate as value
    from top_of_list(version, capacity)
    union all
    select
        population,
        scorer,
        'lift_' || reach as metric,
        lift as value
    from top_of_list(version, capacity)
    union all
    select
        population,
        'model' as scorer,
        'pr_auc_gain' as metric,
        pr_auc_gain as value
    from gains
    union all
    select
        population,
        'model' as scorer,
        'roc_auc_gain' as metric,
        roc_auc_gain as value
    from gains
)

select
    population,
    scorer,
    metric,
    -- sums of doubles depend on their order in the last digits
    round(value, 12) as value
from metrics;
