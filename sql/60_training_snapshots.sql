-- training_snapshots: one row per day at which training looks at the users, with its part in the split.
-- grain:  as_of_date
-- reads:  calendar, params, period
-- Counted back from the last day with a label, every snapshot_every_days. The last test_size of the days with a full
-- look-back test; days whose label window reaches the first test day are purged; days before a full look-back warm up.
create or replace view training_snapshots as
with dated as (
    select
        calendar.as_of_date,
        calendar.as_of_date + params.churn_window_days as label_end_date,
        calendar.as_of_date - params.largest_window_days + 1
        >= period.first_event_date as has_full_lookback,
        params.test_size
    from calendar
    cross join params
    cross join period
    where
        calendar.as_of_date + params.churn_window_days <= period.as_of_date
        and mod(
            date_diff('day', calendar.as_of_date, period.as_of_date)
            - params.churn_window_days,
            params.snapshot_every_days
        ) = 0
),

ranked as (
    select
        as_of_date,
        label_end_date,
        has_full_lookback,
        test_size * count(*) filter (where has_full_lookback) over () as test_dates,
        row_number() over (
            order by as_of_date desc
        ) as dates_from_end
    from dated
),

bounded as (
    select
        as_of_date,
        label_end_date,
        has_full_lookback,
        dates_from_end <= greatest(1, floor(test_dates)) as is_test,
        min(
            case
                when dates_from_end <= greatest(1, floor(test_dates)) then as_of_date
            end
        ) over () as first_test_date
    from ranked
)

select
    as_of_date,
    label_end_date,
    case
        when not has_full_lookback then 'warm_up'
        when is_test then 'test'
        when label_end_date < first_test_date then 'train'
        else 'purge'
    end as split
from bounded;

comment on column training_snapshots.as_of_date is 'features are known at the end of this UTC day';
comment on column training_snapshots.label_end_date is 'last day that the label looks at';
comment on column training_snapshots.split is 'train, purge, test or warm_up';
