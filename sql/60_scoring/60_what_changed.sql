-- what_changed: one row per user of the newest scored day or the scored day before it, with both risks and reasons.
-- grain:  user_id
-- reads:  predictions, worded_reasons
create or replace view what_changed as
with days as (
    select
        as_of_date,
        row_number() over (
            order by as_of_date desc
        ) as age
    from predictions
    group by as_of_date
),

worded as (
    select
        days.age,
        predictions.user_id,
        predictions.churn_risk,
        predictions.risk_rank,
        predictions.model_version,
        worded_reasons.reason_rank,
        worded_reasons.feature,
        worded_reasons.sentence
    from predictions
    inner join days on predictions.as_of_date = days.as_of_date
    left join worded_reasons
        on
            predictions.user_id = worded_reasons.user_id
            and predictions.as_of_date = worded_reasons.as_of_date
            and predictions.model_version = worded_reasons.model_version
            and predictions.scored_at = worded_reasons.scored_at
    where days.age <= 2
),

compared as (
    select
        worded.age,
        worded.user_id,
        worded.churn_risk,
        worded.risk_rank,
        worded.model_version,
        worded.reason_rank,
        worded.sentence,
        earlier.feature is null as is_new
    from worded
    left join worded as earlier
        on
            worded.user_id = earlier.user_id
            and worded.feature = earlier.feature
            and worded.age = 1
            and earlier.age = 2
),

scored as (
    select
        age,
        user_id,
        churn_risk,
        risk_rank,
        model_version,
        list(sentence order by reason_rank) filter (where sentence is not null) as reasons,
        list(sentence order by reason_rank) filter (where sentence is not null and is_new) as new_reasons
    from compared
    group by age, user_id, churn_risk, risk_rank, model_version
),

span as (
    select
        max(as_of_date) filter (where age = 1) as as_of_date,
        max(as_of_date) filter (where age = 2) as earlier_date
    from days
),

newest as (
    select
        user_id,
        churn_risk,
        risk_rank,
        model_version,
        reasons,
        new_reasons
    from scored
    where age = 1
),

earlier as (
    select
        user_id,
        churn_risk,
        risk_rank,
        model_version,
        reasons
    from scored
    where age = 2
)

select
    coalesce(newest.user_id, earlier.user_id) as user_id,
    case
        when earlier.user_id is null then 'entered'
        when newest.user_id is null then 'left'
        else 'stayed'
    end as movement,
    span.as_of_date,
    span.earlier_date,
    newest.churn_risk,
    earlier.churn_risk as earlier_risk,
    newest.churn_risk - earlier.churn_risk as risk_change,
    newest.risk_rank,
    earlier.risk_rank as earlier_rank,
    newest.reasons,
    earlier.reasons as earlier_reasons,
    newest.new_reasons,
    newest.model_version,
    earlier.model_version as earlier_model_version
from newest
full join earlier on newest.user_id = earlier.user_id
cross join span;

comment on column what_changed.user_id is 'the user';
comment on column what_changed.movement is
'entered: was not scored on earlier_date; left: is not scored on as_of_date; stayed: on both days';
comment on column what_changed.as_of_date is 'the newest scored day';
comment on column what_changed.earlier_date is 'the scored day before it. NULL: there is none';
comment on column what_changed.churn_risk is 'on as_of_date. NULL: left';
comment on column what_changed.earlier_risk is 'on earlier_date. NULL: entered';
comment on column what_changed.risk_change is 'churn_risk less earlier_risk. NULL: not on both days';
comment on column what_changed.risk_rank is 'on as_of_date; 1 is the highest risk. NULL: left';
comment on column what_changed.earlier_rank is 'on earlier_date. NULL: entered';
comment on column what_changed.reasons is 'sentences, the first raises the risk most. NULL: none, or left';
comment on column what_changed.earlier_reasons is 'the same on earlier_date. NULL: none, or entered';
comment on column what_changed.new_reasons is 'those of reasons whose feature is not among earlier_reasons. NULL: none';
comment on column what_changed.model_version is 'the model that scored. NULL: left';
comment on column what_changed.earlier_model_version is 'the model that scored on earlier_date. NULL: entered';
