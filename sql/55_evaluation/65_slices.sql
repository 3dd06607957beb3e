-- slices: one row per attribute and slice of the eligible test rows of a model version: mean risk and churn rate.
-- grain:  sliced_by, place
-- reads:  slice_rows
-- A table macro: from slices('candidate_hgb_...') order by sliced_by, place. gap is mean risk less churn rate; its 95 %
-- interval is the linearised error of a ratio with users as clusters. ROC-AUC is NULL where one class is absent. Small:
-- below 100 rows, or 10 churners, or 10 who stayed; too few for any conclusion.
create or replace macro slices(version) as table
with grouped as (
    select
        sliced_by,
        place,
        churn_risk as score,
        count(*) as tied,
        cast(sum(churn_label) as bigint) as churners
    from slice_rows(version)
    group by sliced_by, place, churn_risk
),

ties as (
    select
        sliced_by,
        place,
        score,
        tied,
        churners,
        {{ down_to_each_score('sliced_by, place') | indent(4) }}
),

ranked as (
    select
        sliced_by,
        place,
        round(
            {{ roc_auc() | indent(4) }}, 12
        ) as roc_auc
    from ties
    group by sliced_by, place
),

tenths as (
    select
        sliced_by,
        place,
        {{ tenth_by_risk() }} as tenth,
        any_value(list_rows) as list_rows,
        abs(sum(score * tied - churners)) as gap
    from ties
    group by sliced_by, place, tenth
),

eces as (
    select
        sliced_by,
        place,
        round(sum(gap) / any_value(list_rows), 12) as ece
    from tenths
    group by sliced_by, place
),

by_user as (
    select
        sliced_by,
        place,
        user_id,
        any_value(slice) as slice,
        count(*) as user_rows,
        cast(sum(churn_label) as bigint) as churners,
        sum(churn_risk) as risk
    from slice_rows(version)
    group by sliced_by, place, user_id
),

counted as (
    select
        sliced_by,
        place,
        any_value(slice) as slice,
        cast(sum(user_rows) as bigint) as test_rows,
        count(*) as test_users,
        cast(sum(churners) as bigint) as churners,
        round(sum(risk) / sum(user_rows), 12) as mean_risk,
        sum(churners) / cast(sum(user_rows) as double) as churn_rate
    from by_user
    group by sliced_by, place
),

errors as (
    select
        by_user.sliced_by,
        by_user.place,
        -- sums of doubles depend on their order in the last digits
        round(sqrt(
            sum(
                power(
                    by_user.risk - by_user.churners
                    - by_user.user_rows * (counted.mean_risk - counted.churn_rate),
                    2
                )
            )
        ) / any_value(counted.test_rows), 12) as gap_error
    from by_user
    inner join counted
        on by_user.sliced_by = counted.sliced_by and by_user.place = counted.place
    group by by_user.sliced_by, by_user.place
)

select
    counted.sliced_by,
    counted.place,
    counted.slice,
    counted.test_rows,
    counted.test_users,
    counted.churners,
    counted.mean_risk,
    counted.churn_rate,
    counted.mean_risk - counted.churn_rate as gap,
    counted.mean_risk - counted.churn_rate - 1.96 * errors.gap_error as gap_low,
    counted.mean_risk - counted.churn_rate + 1.96 * errors.gap_error as gap_high,
    ranked.roc_auc,
    eces.ece,
    counted.test_rows < 100
    or least(counted.churners, counted.test_rows - counted.churners) < 10 as is_small
from counted
inner join ranked
    on counted.sliced_by = ranked.sliced_by and counted.place = ranked.place
inner join eces
    on counted.sliced_by = eces.sliced_by and counted.place = eces.place
inner join errors
    on counted.sliced_by = errors.sliced_by and counted.place = errors.place;
