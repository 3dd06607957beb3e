-- worded_reasons: one row per reason with a sentence for a person.
-- grain:  user_id, as_of_date, model_version, scored_at, reason_rank
-- reads:  reasons, feature_words
-- In the words of the current settings. A feature that they no longer have is called by its column name.
create or replace view worded_reasons as
with measured as (
    select
        reasons.user_id,
        reasons.as_of_date,
        reasons.model_version,
        reasons.scored_at,
        reasons.reason_rank,
        reasons.feature,
        reasons.value,
        reasons.contribution,
        reasons.method,
        words.unknown_words,
        words.none_words,
        words.one_words,
        words.many_words,
        words.by_words,
        words.more_words,
        words.less_words,
        words.is_whole,
        case when not words.is_level then try_cast(reasons.value as double) * words.scale end as amount,
        case when not words.is_level then try_cast(reasons.typical as double) * words.scale end as typical_amount
    from reasons
    left join feature_words as words on reasons.feature = words.feature
),

compared as (
    select
        user_id,
        as_of_date,
        model_version,
        scored_at,
        reason_rank,
        feature,
        value,
        contribution,
        method,
        amount,
        by_words,
        case
            when value is null then unknown_words
            when amount = 0 then none_words
            when amount = 1 then one_words
            else many_words
        end as words,
        case
            when amount > typical_amount then more_words
            when amount < typical_amount then less_words
        end as comparison,
        case when is_whole then round(abs(amount - typical_amount)) else abs(amount - typical_amount) end as gap
    from measured
),

shown as (
    select
        user_id,
        as_of_date,
        model_version,
        scored_at,
        reason_rank,
        feature,
        value,
        contribution,
        method,
        words,
        comparison,
        by_words,
        {{ for_people('amount') }} as amount,
        {{ for_people('gap') }} as gap
    from compared
),

worded as (
    select
        user_id,
        as_of_date,
        model_version,
        scored_at,
        reason_rank,
        feature,
        contribution,
        method,
        coalesce(
            replace(words, '{value}', coalesce(amount, value, '')),
            replace(feature, '_', ' ') || ' is ' || coalesce(value, 'not known')
        )
        || coalesce(
            ', '
            || replace(comparison, '{by}', coalesce(replace(by_words, '{gap}', nullif(gap, '0')), 'slightly')),
            ''
        ) as sentence
    from shown
)

select
    user_id,
    as_of_date,
    model_version,
    scored_at,
    reason_rank,
    feature,
    contribution,
    method,
    -- no plural after 1, whatever the pattern
    regexp_replace(sentence, '\b1 (day|point)s\b', '1 \1', 'g') as sentence
from worded;

comment on column worded_reasons.user_id is 'the user';
comment on column worded_reasons.as_of_date is 'features were known at the end of this UTC day';
comment on column worded_reasons.model_version is 'the model that scored';
comment on column worded_reasons.scored_at is 'when it was scored, UTC';
comment on column worded_reasons.reason_rank is '1 raises the risk most; 1 to 3';
comment on column worded_reasons.feature is 'column of user_features';
comment on column worded_reasons.contribution is 'what the feature adds to the log-odds; above 0';
comment on column worded_reasons.method is 'linear, path or shap; see explained_scores';
comment on column worded_reasons.sentence is 'the feature beside the typical one; never why anybody leaves';
