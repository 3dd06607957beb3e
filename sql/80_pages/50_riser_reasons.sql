-- riser_reasons: one row per scored day and feature that is a new reason of users who rose into a higher band.
-- grain:  as_of_date, feature
-- reads:  user_moves, banded_predictions, worded_reasons
-- New: among the reasons of the user on as_of_date and not on earlier_date. Correlated with a rise, not its cause.
create or replace view riser_reasons as
with risers as (
    select
        user_id,
        as_of_date,
        earlier_date,
        count(*) over (partition by as_of_date) as risers
    from user_moves
    where movement = 'rose'
),

reasons_shown as (
    select
        worded_reasons.user_id,
        worded_reasons.as_of_date,
        worded_reasons.feature,
        worded_reasons.sentence,
        worded_reasons.contribution
    from worded_reasons
    inner join banded_predictions
        on
            worded_reasons.user_id = banded_predictions.user_id
            and worded_reasons.as_of_date = banded_predictions.as_of_date
            and worded_reasons.model_version = banded_predictions.model_version
            and worded_reasons.scored_at = banded_predictions.scored_at
)

select
    risers.as_of_date,
    newest.feature,
    count(*) as rising_users,
    any_value(risers.risers) as risers,
    arg_max(newest.sentence, (newest.contribution, newest.sentence)) as example
from risers
inner join reasons_shown as newest
    on risers.user_id = newest.user_id and risers.as_of_date = newest.as_of_date
left join reasons_shown as earlier
    on
        risers.user_id = earlier.user_id
        and risers.earlier_date = earlier.as_of_date
        and newest.feature = earlier.feature
where earlier.feature is null
group by risers.as_of_date, newest.feature;

comment on column riser_reasons.as_of_date is 'the scored UTC day';
comment on column riser_reasons.feature is 'column of user_features';
comment on column riser_reasons.rising_users is 'users who rose into a higher band and have it as a new reason';
comment on column riser_reasons.risers is 'all users who rose into a higher band';
comment on column riser_reasons.example is 'the sentence of the user whose risk it raises most';
