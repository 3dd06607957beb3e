-- data_metrics: one row per figure about data and features that batch_metrics exposes.
-- grain:  metric, labels
-- reads:  published, period, landed_totals, validation_report, feature_nulls
-- A value that is unknown has no row.
create or replace view data_metrics as
with landed_totals_figures as (
    select
        figures.metric,
        figures.labels,
        figures.value,
        figures.help
    from landed_totals
    cross join lateral (
        values
        (
            'churn_last_landing_timestamp_seconds',
            'table="' || landed_totals.source_table || '"',
            epoch(landed_totals.last_landed_at),
            'When rows were last landed.'
        ),
        (
            'churn_landed_rows',
            'table="' || landed_totals.source_table || '"',
            landed_totals.landed_rows,
            'Rows of the landed files that count.'
        ),
        (
            'churn_quarantined_values',
            'table="' || landed_totals.source_table || '"',
            landed_totals.quarantined_values,
            'Values and lines that could not be read.'
        )
    ) as figures (metric, labels, value, help)
),

samples as (
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
        metric,
        labels,
        value,
        help
    from landed_totals_figures
    union all
    select
        'churn_validation_rules' as metric,
        'verdict="' || verdict || '"' as labels,
        count(*) as value,
        'Validation rules by verdict.' as help
    from validation_report
    group by verdict
    union all
    select
        'churn_feature_null_share' as metric,
        'feature="' || feature || '"' as labels,
        null_share as value,
        'Share of the scored users without a value of the feature, 0 to 1.' as help
    from feature_nulls
)

select
    metric,
    labels,
    cast(value as double) as value,
    help
from samples
where value is not null;

comment on column data_metrics.metric is 'Prometheus name; a gauge';
comment on column data_metrics.labels is 'in Prometheus notation; empty: the metric has one value';
comment on column data_metrics.value is 'seconds since 1970 (UTC), share, count or 0/1, as help says';
comment on column data_metrics.help is 'what the metric means';
