-- data_metrics: one row per figure about data, features and runs that batch_metrics exposes.
-- grain:  metric, labels
-- reads:  published, period, landed_totals, validation_report, feature_nulls
create or replace view data_metrics as
with samples as (
    select
        'churn_snapshot_published_timestamp_seconds' as metric,
        '' as labels,
        epoch(max(published_at)) as value,
        'When the newest snapshot was published.' as help
    from published
    union all
    select
        'churn_last_event_timestamp_seconds' as metric,
        '' as labels,
        epoch(cast(last_event_date as timestamp)) as value,
        'Midnight (UTC) at which the day of the last event began.' as help
    from period
    union all
    select
        'churn_last_landing_timestamp_seconds' as metric,
        'table="' || source_table || '"' as labels,
        epoch(last_landed_at) as value,
        'When rows were last landed.' as help
    from landed_totals
    union all
    select
        'churn_landed_rows' as metric,
        'table="' || source_table || '"' as labels,
        landed_rows as value,
        'Rows of the landed files that count.' as help
    from landed_totals
    union all
    select
        'churn_quarantined_values' as metric,
        'table="' || source_table || '"' as labels,
        quarantined_values as value,
        'Values and lines that could not be read.' as help
    from landed_totals
    union all
    select
        'churn_validation_rules' as metric,
        'verdict="' || verdict || '"' as labels,
        count(*) as value,
        'Rules of validation by what they said.' as help
    from validation_report
    group by verdict
    union all
    select
        'churn_feature_null_share' as metric,
        'feature="' || feature || '"' as labels,
        null_share as value,
        'Share of its users without a value of the feature, 0 to 1.' as help
    from feature_nulls
)

select
    metric,
    labels,
    cast(value as double) as value,
    help
from samples
where value is not null;

comment on column data_metrics.metric is 'its name; a gauge';
comment on column data_metrics.labels is 'in the notation of Prometheus; empty: there is one value only';
comment on column data_metrics.value is 'seconds since 1970 (UTC), share, number or 0/1, as help says';
comment on column data_metrics.help is 'what it is, for a person';
