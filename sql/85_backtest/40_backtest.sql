-- backtest: one row per origin: how well its scores predicted who left, with the incumbent and the recency rule.
-- grain:  origin_date
-- reads:  backtest_runs, backtest_ties
create or replace view backtest as
with reached as (
    select
        backtest_ties.origin_date,
        backtest_ties.scorer,
        backtest_ties.score,
        backtest_ties.tied,
        backtest_ties.churners,
        backtest_ties.taken,
        backtest_ties.found,
        backtest_ties.list_rows,
        backtest_ties.list_churners,
        least(backtest_runs.top_k, backtest_ties.list_rows) as first_rows
    from backtest_ties
    inner join backtest_runs on backtest_ties.origin_date = backtest_runs.origin_date
),

measured as (
    select
        origin_date,
        scorer,
        any_value(list_rows) as eligible_users,
        any_value(list_churners) / cast(any_value(list_rows) as double) as churn_rate,
        {{ pr_auc() }} as pr_auc,
        {{ roc_auc() }} as roc_auc,
        -- days of the recency rule exceed 1; its losses are not used
        -sum(
            churners * ln(greatest(least(score, 1), 1e-15))
            + (tied - churners) * ln(greatest(1 - least(score, 1), 1e-15))
        ) / sum(tied) as log_loss,
        sum(churners * (1 - score) * (1 - score) + (tied - churners) * score * score)
        / sum(tied) as brier,
        sum(score * tied) / sum(tied) as mean_score,
        {{ churners_in_first_rows() }} / any_value(first_rows) as precision_at_k
    from reached
    group by origin_date, scorer
),

by_origin as (
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
    by_origin.eligible_users,
    by_origin.churn_rate,
    by_origin.mean_risk,
    by_origin.pr_auc,
    by_origin.incumbent_pr_auc,
    by_origin.recency_pr_auc,
    by_origin.roc_auc,
    by_origin.incumbent_roc_auc,
    by_origin.recency_roc_auc,
    by_origin.log_loss,
    by_origin.incumbent_log_loss,
    -(
        by_origin.churn_rate * ln(nullif(by_origin.churn_rate, 0))
        + (1 - by_origin.churn_rate) * ln(nullif(1 - by_origin.churn_rate, 0))
    ) as base_rate_log_loss,
    by_origin.brier,
    by_origin.precision_at_k,
    by_origin.precision_at_k / nullif(by_origin.churn_rate, 0) as lift_at_k
from backtest_runs
inner join by_origin on backtest_runs.origin_date = by_origin.origin_date;

comment on column backtest.origin_date is 'last UTC day of the data for training and scoring';
comment on column backtest.model_version is 'the model that scored, after the promotion gate';
comment on column backtest.incumbent_version is 'production until that day. NULL: there was none';
comment on column backtest.is_promoted is 'true: a new model was promoted';
comment on column backtest.eligible_users is 'users scored on that day';
comment on column backtest.churn_rate is 'share of them who left in the churn_window_days after it';
comment on column backtest.mean_risk is 'mean predicted probability';
comment on column backtest.pr_auc is 'of the model that scored. NULL: nobody left';
comment on column backtest.incumbent_pr_auc is 'of the incumbent on the same users. NULL: there was none';
comment on column backtest.recency_pr_auc is 'of days since last activity on the same users';
comment on column backtest.roc_auc is 'of the model that scored. NULL: all or nobody left';
comment on column backtest.incumbent_roc_auc is 'of the incumbent. NULL: there was none';
comment on column backtest.recency_roc_auc is 'of days since last activity';
comment on column backtest.log_loss is 'of the model that scored, natural logarithm';
comment on column backtest.incumbent_log_loss is 'of the incumbent. NULL: there was none';
comment on column backtest.base_rate_log_loss is 'of predicting churn_rate for everyone. NULL: all or nobody left';
comment on column backtest.brier is 'of the model that scored';
comment on column backtest.precision_at_k is 'share of the first top_k users who left; ties count by their mean';
comment on column backtest.lift_at_k is 'precision_at_k over churn_rate. NULL: nobody left';
