-- backtest: one row per origin: how well the scores of that evening told who left, beside the incumbent and the rule.
-- grain:  origin_date
-- reads:  backtest_runs, backtest_ties
create or replace view backtest as
with measured as (
    select
        backtest_ties.origin_date,
        backtest_ties.scorer,
        any_value(backtest_ties.list_rows) as eligible_users,
        any_value(backtest_ties.list_churners) / cast(any_value(backtest_ties.list_rows) as double)
            as churn_rate,
        sum(backtest_ties.churners * backtest_ties.found / cast(backtest_ties.taken as double))
        / nullif(any_value(backtest_ties.list_churners), 0) as pr_auc,
        sum(
            (backtest_ties.tied - backtest_ties.churners)
            * (backtest_ties.found - backtest_ties.churners / cast(2 as double))
        ) / nullif(
            any_value(backtest_ties.list_churners)
            * cast(any_value(backtest_ties.list_rows - backtest_ties.list_churners) as double), 0
        ) as roc_auc,
        -sum(
            backtest_ties.churners * ln(greatest(least(backtest_ties.score, 1), 1e-15))
            + (backtest_ties.tied - backtest_ties.churners)
            * ln(greatest(1 - least(backtest_ties.score, 1), 1e-15))
        ) / sum(backtest_ties.tied) as log_loss,
        sum(
            backtest_ties.churners * (1 - backtest_ties.score) * (1 - backtest_ties.score)
            + (backtest_ties.tied - backtest_ties.churners)
            * backtest_ties.score * backtest_ties.score
        ) / sum(backtest_ties.tied) as brier,
        sum(backtest_ties.score * backtest_ties.tied) / sum(backtest_ties.tied) as mean_score,
        sum(
            backtest_ties.churners * greatest(
                0,
                least(
                    backtest_ties.tied,
                    backtest_runs.top_k - backtest_ties.taken + backtest_ties.tied
                )
            ) / cast(backtest_ties.tied as double)
        ) / least(any_value(backtest_runs.top_k), any_value(backtest_ties.list_rows))
            as precision_at_k
    from backtest_ties
    inner join backtest_runs on backtest_ties.origin_date = backtest_runs.origin_date
    group by backtest_ties.origin_date, backtest_ties.scorer
),

beside as (
    -- sums of doubles depend on their order in the last digits
    select
        origin_date,
        max(eligible_users) as eligible_users,
        max(churn_rate) as churn_rate,
        max(round(mean_score, 12)) filter (where scorer = 'model') as mean_risk,
        max(round(pr_auc, 12)) filter (where scorer = 'model') as pr_auc,
        max(round(pr_auc, 12)) filter (where scorer = 'incumbent') as incumbent_pr_auc,
        max(round(pr_auc, 12)) filter (where scorer = 'recency_rule') as recency_pr_auc,
        max(round(roc_auc, 12)) filter (where scorer = 'model') as roc_auc,
        max(round(roc_auc, 12)) filter (where scorer = 'incumbent') as incumbent_roc_auc,
        max(round(roc_auc, 12)) filter (where scorer = 'recency_rule') as recency_roc_auc,
        max(round(log_loss, 12)) filter (where scorer = 'model') as log_loss,
        max(round(log_loss, 12)) filter (where scorer = 'incumbent') as incumbent_log_loss,
        max(round(brier, 12)) filter (where scorer = 'model') as brier,
        max(round(precision_at_k, 12)) filter (where scorer = 'model') as precision_at_k
    from measured
    group by origin_date
)

select
    backtest_runs.origin_date,
    backtest_runs.model_version,
    backtest_runs.incumbent_version,
    backtest_runs.is_promoted,
    beside.eligible_users,
    beside.churn_rate,
    beside.mean_risk,
    beside.pr_auc,
    beside.incumbent_pr_auc,
    beside.recency_pr_auc,
    beside.roc_auc,
    beside.incumbent_roc_auc,
    beside.recency_roc_auc,
    beside.log_loss,
    beside.incumbent_log_loss,
    -(
        beside.churn_rate * ln(nullif(beside.churn_rate, 0))
        + (1 - beside.churn_rate) * ln(nullif(1 - beside.churn_rate, 0))
    ) as base_rate_log_loss,
    beside.brier,
    beside.precision_at_k,
    beside.precision_at_k / nullif(beside.churn_rate, 0) as lift_at_k
from backtest_runs
inner join beside on backtest_runs.origin_date = beside.origin_date;

comment on column backtest.origin_date is 'the evening of training and scoring (UTC)';
comment on column backtest.model_version is 'the model that scored, after the gate';
comment on column backtest.incumbent_version is 'production until that evening. NULL: there was none';
comment on column backtest.is_promoted is 'true: the gate let a new model in';
comment on column backtest.eligible_users is 'users scored on that evening';
comment on column backtest.churn_rate is 'share of them who left in the churn_window_days after it';
comment on column backtest.mean_risk is 'mean probability that was said';
comment on column backtest.pr_auc is 'of the model that scored. NULL: nobody left';
comment on column backtest.incumbent_pr_auc is 'of the incumbent on the same users. NULL: there was none';
comment on column backtest.recency_pr_auc is 'of days since last activity on the same users';
comment on column backtest.roc_auc is 'of the model that scored. NULL: all or nobody left';
comment on column backtest.incumbent_roc_auc is 'of the incumbent. NULL: there was none';
comment on column backtest.recency_roc_auc is 'of days since last activity';
comment on column backtest.log_loss is 'of the model that scored, natural logarithm';
comment on column backtest.incumbent_log_loss is 'of the incumbent. NULL: there was none';
comment on column backtest.base_rate_log_loss is 'of saying churn_rate of everyone. NULL: all or nobody left';
comment on column backtest.brier is 'of the model that scored';
comment on column backtest.precision_at_k is 'share of the first top_k users who left; ties by their mean';
comment on column backtest.lift_at_k is 'precision_at_k over churn_rate. NULL: nobody left';
