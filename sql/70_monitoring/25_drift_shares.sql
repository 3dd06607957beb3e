-- drift_shares: one row per bin of each feature, score and label of the production model: its share then and now.
-- grain:  feature, bin
-- reads:  current_production, drift_bins, scoring_dataset, predictions, period, drift_labels
-- Now: the eligible users of the as-of date, read once. The score has rows where production has scored that day, the
-- label where a day later than the reference has matured.
create or replace view drift_shares as
{% import 'shared/drift.sql.jinja' as drift with context %}
with production as (
    select model_version
    from current_production
),

bins as (
    select
        drift_bins.feature,
        drift_bins.bin,
        drift_bins.kind,
        drift_bins.lower_bound,
        drift_bins.upper_bound,
        drift_bins.level,
        drift_bins.expected_share
    from drift_bins
    inner join production on drift_bins.model_version = production.model_version
),

ranges as (
    select
        feature,
        bin,
        lower_bound
    from bins
    where kind = 'range'
),

observed as (
    select
        {{ drift.features_unpivoted() }}
    from scoring_dataset
    union all
    select
        'churn_risk' as feature,
        predictions.churn_risk as number,
        cast(null as varchar) as word
    from predictions
    inner join period on predictions.as_of_date = period.as_of_date
    inner join production on predictions.model_version = production.model_version
    union all
    select
        'churn_label' as feature,
        cast(null as double) as number,
        cast(churn_label as varchar) as word
    from drift_labels
),

counted as (
    select
        feature,
        case when not isnan(number) then number end as number,
        word,
        count(*) as row_count
    from observed
    group by all
),

{{ drift.binned('') }},

found as (
    select
        feature,
        bin,
        cast(sum(row_count) as bigint) as row_count
    from binned
    group by feature, bin
),

placed as (
    select
        feature,
        bin,
        row_number() over (
            partition by feature
            order by lower_bound
        ) as place,
        count(*) over (partition by feature) as places
    from ranges
)

select
    bins.feature,
    bins.bin,
    bins.kind,
    bins.lower_bound,
    bins.upper_bound,
    bins.level,
    case
        when bins.kind = 'null' then 'NULL'
        when bins.kind = 'unseen' then 'unseen words'
        when bins.kind = 'level' then bins.level
        when bins.kind = 'point' then printf('%.6g', bins.lower_bound)
        when placed.places = 1 then 'any number'
        when placed.place = 1 then printf('far below, under %.6g', bins.upper_bound)
        when placed.place = placed.places then printf('far above, from %.6g', bins.lower_bound)
        when placed.places = 3 then 'numbers between'
        when placed.place = 2 then printf('below %.6g', bins.upper_bound)
        when placed.place = placed.places - 1 then printf('%.6g or more', bins.lower_bound)
        else printf('%.6g to %.6g', bins.lower_bound, bins.upper_bound)
    end as meaning,
    bins.expected_share,
    coalesce(found.row_count, 0) as row_count,
    coalesce(found.row_count, 0)
    / nullif(sum(found.row_count) over (partition by bins.feature), 0) as current_share
from bins
left join found on bins.feature = found.feature and bins.bin = found.bin
left join placed on bins.feature = placed.feature and bins.bin = placed.bin;

comment on column drift_shares.feature is 'a feature of the production model, churn_risk or churn_label';
comment on column drift_shares.bin is 'number of the bin within its feature';
comment on column drift_shares.kind is 'range, point, level, null or unseen';
comment on column drift_shares.lower_bound is 'lowest value, -inf: open. NULL: not a number';
comment on column drift_shares.upper_bound is 'a range ends before it, inf: open. NULL: not a number';
comment on column drift_shares.level is 'the word of a level. NULL: not a level';
comment on column drift_shares.meaning is 'the bin in words';
comment on column drift_shares.expected_share is 'share of the reference rows, 0 to 1, not smoothed';
comment on column drift_shares.row_count is 'current rows in the bin';
comment on column drift_shares.current_share is 'their share, 0 to 1, not smoothed. NULL: there are no current rows';
