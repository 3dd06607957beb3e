-- realised_performance: one row per scored day and model version: outcomes beside what was expected at training.
-- grain:  as_of_date, model_version
-- reads:  realised_scores, realised_ties, realised_reliability, models, params, period
-- Of the newest scoring of each day and model. Metrics are NULL until the labels are known; ranking metrics stay NULL
-- where nobody left, or everybody did. Ties count by expectation. expected_*: of the eligible test rows at training.
create or replace view realised_performance as
with counted as (
    select
        realised_scores.as_of_date,
        realised_scores.model_version,
        realised_scores.scored_at,
        realised_scores.matures_on,
        count(*) as scored_users,
        count(realised_scores.churn_label) as matured_users,
        count(*) filter (where not realised_scores.is_known) as missing_users,
        cast(sum(realised_scores.churn_label) as bigint) as churners,
        avg(realised_scores.churn_label) as churn_rate,
        avg(realised_scores.churn_risk) as mean_risk,
        avg(
            case
                when realised_scores.churn_label = 1
                    then -ln(greatest(realised_scores.churn_risk, 1e-15))
                when realised_scores.churn_label = 0
                    then -ln(greatest(1 - realised_scores.churn_risk, 1e-15))
            end
        ) as log_loss,
        avg(
            (realised_scores.churn_risk - realised_scores.churn_label)
            * (realised_scores.churn_risk - realised_scores.churn_label)
        ) as brier
    from realised_scores
    group by
        realised_scores.as_of_date,
        realised_scores.model_version,
        realised_scores.scored_at,
        realised_scores.matures_on
),

reached as (
    select
        realised_ties.as_of_date,
        realised_ties.model_version,
        realised_ties.scorer,
        realised_ties.tied,
        realised_ties.churners,
        realised_ties.taken,
        realised_ties.found,
        realised_ties.list_rows,
        realised_ties.list_churners,
        least(params.top_k, realised_ties.list_rows) as first_rows
    from realised_ties
    cross join params
),

ranked as (
    select
        as_of_date,
        model_version,
        scorer,
        {{ pr_auc() }} as pr_auc,
        {{ roc_auc() }} as roc_auc,
        {{ churners_in_first_rows() }} / any_value(first_rows) as hit_rate,
        any_value(list_churners) / cast(any_value(list_rows) as double) as base_rate
    from reached
    group by as_of_date, model_version, scorer
),

eces as (
    select
        as_of_date,
        model_version,
        sum(matured_users * abs(mean_risk - churn_rate)) / sum(matured_users) as ece
    from realised_reliability
    group by as_of_date, model_version
),

at_training as (
    select
        models.model_version,
        cast(json_extract(models.metrics, '$.eligible.churn_rate') as double) as churn_rate,
        cast(json_extract(models.metrics, '$.eligible.pr_auc') as double) as pr_auc,
        cast(json_extract(models.metrics, '$.eligible.roc_auc') as double) as roc_auc,
        cast(json_extract(models.metrics, '$.eligible.log_loss') as double) as log_loss,
        cast(json_extract(models.metrics, '$.eligible.brier') as double) as brier,
        cast(json_extract(models.metrics, '$.eligible.ece') as double) as ece,
        case
            when cast(json_extract(models.metrics, '$.capacity') as integer) = params.top_k
                then cast(json_extract(models.metrics, '$.eligible.lift_capacity') as double)
        end as lift
    from models
    cross join params
)

select
    counted.as_of_date,
    counted.model_version,
    counted.scored_at,
    counted.matures_on,
    greatest(date_diff('day', period.as_of_date, counted.matures_on), 0) as days_until_mature,
    counted.scored_users,
    counted.matured_users,
    counted.missing_users,
    counted.churners,
    counted.churn_rate,
    round(counted.mean_risk, 12) as mean_risk,
    round(by_model.pr_auc, 12) as pr_auc,
    round(by_model.roc_auc, 12) as roc_auc,
    round(counted.log_loss, 12) as log_loss,
    round(counted.brier, 12) as brier,
    round(eces.ece, 12) as ece,
    round(by_model.hit_rate, 12) as precision_at_k,
    round(by_model.hit_rate / nullif(by_model.base_rate, 0), 12) as lift_at_k,
    round(by_rule.pr_auc, 12) as recency_pr_auc,
    round(by_rule.roc_auc, 12) as recency_roc_auc,
    round(by_rule.hit_rate / nullif(by_rule.base_rate, 0), 12) as recency_lift_at_k,
    at_training.churn_rate as expected_churn_rate,
    at_training.pr_auc as expected_pr_auc,
    at_training.roc_auc as expected_roc_auc,
    at_training.log_loss as expected_log_loss,
    at_training.brier as expected_brier,
    at_training.ece as expected_ece,
    at_training.lift as expected_lift_at_k
from counted
cross join period
left join ranked as by_model
    on
        counted.as_of_date = by_model.as_of_date
        and counted.model_version = by_model.model_version
        and by_model.scorer = 'model'
left join ranked as by_rule
    on
        counted.as_of_date = by_rule.as_of_date
        and counted.model_version = by_rule.model_version
        and by_rule.scorer = 'recency_rule'
left join eces
    on counted.as_of_date = eces.as_of_date and counted.model_version = eces.model_version
left join at_training on counted.model_version = at_training.model_version;

comment on column realised_performance.as_of_date is 'the scored UTC day';
comment on column realised_performance.model_version is 'the model that scored';
comment on column realised_performance.scored_at is 'the newest scoring of that day and model, UTC';
comment on column realised_performance.matures_on is 'the labels are known from the evening of this UTC day on';
comment on column realised_performance.days_until_mature is 'days from the as-of date to it; 0: the labels are known';
comment on column realised_performance.scored_users is 'users in that scoring';
comment on column realised_performance.matured_users is 'of them, those whose label is known';
comment on column realised_performance.missing_users is
'of them, those that users_clean no longer knows: they will never have a label';
comment on column realised_performance.churners is 'matured users who left. NULL: not known yet';
comment on column realised_performance.churn_rate is 'share of matured users, 0 to 1: the base rate. NULL: as above';
comment on column realised_performance.mean_risk is 'of all scored users, 0 to 1';
comment on column realised_performance.pr_auc is 'area under precision and recall. NULL: not known yet, or one class';
comment on column realised_performance.roc_auc is 'area under the ROC curve. NULL: not known yet, or one class';
comment on column realised_performance.log_loss is 'natural logarithm. NULL: not known yet';
comment on column realised_performance.brier is 'mean squared error of the risk. NULL: not known yet';
comment on column realised_performance.ece is 'expected calibration error over tenths, 0 to 1. NULL: not known yet';
comment on column realised_performance.precision_at_k is 'churners among the first scoring.top_k. NULL: not known yet';
comment on column realised_performance.lift_at_k is 'that over the base rate. NULL: not known yet, or nobody left';
comment on column realised_performance.recency_pr_auc is 'of the recency rule on the same users. NULL: as pr_auc';
comment on column realised_performance.recency_roc_auc is 'of the recency rule. NULL: as roc_auc';
comment on column realised_performance.recency_lift_at_k is 'of the recency rule. NULL: as lift_at_k';
comment on column realised_performance.expected_churn_rate is 'at training. NULL: the model is not registered';
comment on column realised_performance.expected_pr_auc is 'at training. NULL: the model is not registered';
comment on column realised_performance.expected_roc_auc is 'at training. NULL: the model is not registered';
comment on column realised_performance.expected_log_loss is 'at training. NULL: the model is not registered';
comment on column realised_performance.expected_brier is 'at training. NULL: the model is not registered';
comment on column realised_performance.expected_ece is 'at training. NULL: the model is not registered';
comment on column realised_performance.expected_lift_at_k is
'at training, mean of its test dates. NULL: not registered, or tested with another scoring.top_k';
