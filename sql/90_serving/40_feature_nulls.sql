-- feature_nulls: one row per feature, with how many of the users of the newest scored day have no value there.
-- grain:  feature
-- reads:  scored_features
create or replace view feature_nulls as
with counted as (
    select
        count(*) as scored_users,
        list_value(
{% for column in kept_feature_columns %}
            struct_pack(
                feature := '{{ column }}',
                null_users := count(*) - count({{ column }})
            ){{ ',' if not loop.last }}
{% endfor %}
        ) as features
    from scored_features
),

per_feature as (
    select
        scored_users,
        unnest(features) as counts
    from counted
)

select
    struct_extract(counts, 'feature') as feature,
    scored_users,
    struct_extract(counts, 'null_users') as null_users,
    struct_extract(counts, 'null_users') / cast(nullif(scored_users, 0) as double) as null_share
from per_feature;

comment on column feature_nulls.feature is 'column of scored_features';
comment on column feature_nulls.scored_users is 'users of the newest scored day';
comment on column feature_nulls.null_users is 'of them, those without a value';
comment on column feature_nulls.null_share is 'their share, 0 to 1. NULL: nobody has been scored';
