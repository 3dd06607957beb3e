-- timeline: one row per scored day: its scoring, drift, retraining and outcome.
-- grain:  as_of_date
-- reads:  scores, drift_reports, retrainings, realised_performance
-- A day that was scored again, after a retraining perhaps, shows its newest scoring.
create or replace view timeline as
with scorings as (
    select
        as_of_date,
        model_version,
        scored_at,
        count(*) as scored_users,
        avg(churn_risk) as mean_risk,
        row_number() over (
            partition by as_of_date
            order by scored_at desc
        ) as scorings_after
    from scores
    group by as_of_date, model_version, scored_at
),

checked as (
    select
        as_of_date,
        case
            when bool_or(verdict = 'FAIL') then 'FAIL'
            when bool_or(verdict = 'WARN') then 'WARN'
            else 'OK'
        end as drift_verdict,
        coalesce(list(name order by psi desc nulls last, name asc) filter (where verdict = 'FAIL'), []) as drift_failed,
        max(psi) filter (where kind in ('number', 'category')) as max_psi
    from drift_reports
    group by as_of_date
),

retrained as (
    select
        as_of_date,
        arg_max(reasons, retrained_at) as retraining_reasons,
        arg_max(outcome, retrained_at) as retraining_outcome
    from retrainings
    group by as_of_date
)

select
    scorings.as_of_date,
    scorings.model_version,
    scorings.scored_users,
    round(scorings.mean_risk, 12) as mean_risk,
    checked.drift_verdict,
    checked.drift_failed,
    checked.max_psi,
    retrained.retraining_reasons,
    retrained.retraining_outcome,
    performance.churn_rate,
    performance.pr_auc,
    performance.expected_pr_auc,
    performance.recency_pr_auc,
    performance.roc_auc,
    performance.log_loss,
    performance.ece
from scorings
left join checked on scorings.as_of_date = checked.as_of_date
left join retrained on scorings.as_of_date = retrained.as_of_date
left join realised_performance as performance
    on
        scorings.as_of_date = performance.as_of_date
        and scorings.model_version = performance.model_version
where scorings.scorings_after = 1;

comment on column timeline.as_of_date is 'the scored UTC day';
comment on column timeline.model_version is 'the model that scored';
comment on column timeline.scored_users is 'eligible users of that day';
comment on column timeline.mean_risk is 'of them, 0 to 1';
comment on column timeline.drift_verdict is 'OK, WARN or FAIL: the worst of that day. NULL: not checked';
comment on column timeline.drift_failed is 'what FAILed, the largest PSI first. NULL: not checked';
comment on column timeline.max_psi is 'of the features. NULL: not checked';
comment on column timeline.retraining_reasons is 'of the retraining of that day. NULL: there was none';
comment on column timeline.retraining_outcome is 'promoted, not_promoted, no_new_data or failed. NULL: there was none';
comment on column timeline.churn_rate is 'realised, 0 to 1. NULL: not known yet';
comment on column timeline.pr_auc is 'realised. NULL: not known yet, or one class';
comment on column timeline.expected_pr_auc is 'of that model at training. NULL: it is not registered';
comment on column timeline.recency_pr_auc is 'of the recency rule on the same users. NULL: as pr_auc';
comment on column timeline.roc_auc is 'realised. NULL: as pr_auc';
comment on column timeline.log_loss is 'realised. NULL: not known yet';
comment on column timeline.ece is 'realised. NULL: not known yet';
