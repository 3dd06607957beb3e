-- realised_ties: one row per scored day, model version, scorer and distinct score, with what is found down to it.
-- grain:  as_of_date, model_version, scorer, score
-- reads:  realised_scores
-- Matured rows only. Scorers: the model and the recency rule, on the same users. Users with the same score share a
-- row, so that no order among them can flatter a metric.
create or replace view realised_ties as
with ranked as (
    select
        realised_scores.as_of_date,
        realised_scores.model_version,
        scorers.scorer,
        realised_scores.churn_label,
        case scorers.scorer
            when 'model' then realised_scores.churn_risk
            else cast(realised_scores.days_since_last_activity as double)
        end as score
    from realised_scores
    cross join (values ('model'), ('recency_rule')) as scorers (scorer)
    where realised_scores.churn_label is not null
),

grouped as (
    select
        as_of_date,
        model_version,
        scorer,
        score,
        count(*) as tied,
        cast(sum(churn_label) as bigint) as churners
    from ranked
    group by as_of_date, model_version, scorer, score
)

select
    as_of_date,
    model_version,
    scorer,
    score,
    tied,
    churners,
    {{ down_to_each_score('as_of_date, model_version, scorer') }};

comment on column realised_ties.as_of_date is 'the scored UTC day';
comment on column realised_ties.model_version is 'the model that scored';
comment on column realised_ties.scorer is 'model or recency_rule';
comment on column realised_ties.score is 'churn_risk, or days since the last activity';
comment on column realised_ties.tied is 'users with this score';
comment on column realised_ties.churners is 'of them, those who left';
comment on column realised_ties.taken is 'users with this score or a higher one';
comment on column realised_ties.found is 'of them, those who left';
comment on column realised_ties.list_rows is 'matured users of that day and model';
comment on column realised_ties.list_churners is 'of them, those who left';
