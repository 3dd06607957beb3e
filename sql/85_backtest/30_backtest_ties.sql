-- backtest_ties: one row per origin, scorer and distinct score, with counts down to that score.
-- grain:  origin_date, scorer, score
-- reads:  backtest_scores
-- Scorers: the model, the incumbent and the recency rule. Users with the same score share a row.
create or replace view backtest_ties as
with listed as (
    select
        origin_date,
        'model' as scorer,
        churn_risk as score,
        churn_label
    from backtest_scores
    union all
    select
        origin_date,
        'incumbent' as scorer,
        incumbent_risk as score,
        churn_label
    from backtest_scores
    where incumbent_risk is not null
    union all
    select
        origin_date,
        'recency_rule' as scorer,
        cast(days_since_last_activity as double) as score,
        churn_label
    from backtest_scores
),

grouped as (
    select
        origin_date,
        scorer,
        score,
        count(*) as tied,
        cast(sum(churn_label) as bigint) as churners
    from listed
    group by origin_date, scorer, score
)

select
    origin_date,
    scorer,
    score,
    tied,
    churners,
    {{ down_to_each_score('origin_date, scorer') }};

comment on column backtest_ties.origin_date is 'the UTC day of the scoring';
comment on column backtest_ties.scorer is 'model, incumbent or recency_rule';
comment on column backtest_ties.score is 'probability, 0 to 1; days for the recency rule';
comment on column backtest_ties.tied is 'users with this score';
comment on column backtest_ties.churners is 'those of them who left';
comment on column backtest_ties.taken is 'users with this score or a higher one';
comment on column backtest_ties.found is 'those of them who left';
comment on column backtest_ties.list_rows is 'users in the whole list';
comment on column backtest_ties.list_churners is 'those of them who left';
