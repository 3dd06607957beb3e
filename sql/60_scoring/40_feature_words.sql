-- feature_words: one row per feature with the patterns of the sentences about it.
-- grain:  feature
-- reads:
-- Written from churn_duck/words.yaml, which says what the patterns mean.
create or replace view feature_words (
    feature,
    unknown_words,
    none_words,
    one_words,
    many_words,
    by_words,
    more_words,
    less_words,
    scale,
    is_whole,
    is_level
) as
values
{% for row in feature_words %}
({{ row.values() | map('sql') | join(', ') }}){{ ';' if loop.last else ',' }}
{% endfor %}

comment on column feature_words.feature is 'column of user_features';
comment on column feature_words.unknown_words is 'for a user who has no value';
comment on column feature_words.none_words is 'for the value 0';
comment on column feature_words.one_words is 'for the value 1';
comment on column feature_words.many_words is 'for any other value; {value} is the number or level';
comment on column feature_words.by_words is 'how {gap}, the distance from typical, is put. NULL: not compared';
comment on column feature_words.more_words is 'the comparison for a value above the typical one. NULL: not compared';
comment on column feature_words.less_words is 'the comparison for one below it. NULL: not compared';
comment on column feature_words.scale is 'what value and typical value are multiplied by before they are shown';
comment on column feature_words.is_whole is 'true: the gap is shown as a whole number';
comment on column feature_words.is_level is 'true: a word, not a number';
