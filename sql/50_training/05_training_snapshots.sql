-- training_snapshots: one row per day at which training looks at the users, with its part in the split.
-- grain:  as_of_date
-- reads:  calendar, params, period
-- Counted back from the last day with a label, every snapshot_every_days. The last test_size of the days with a full
-- look-back test; days whose label window reaches the first test day are purged; days before a full look-back warm up.
-- Of the training days the last calibration_size, a year at most, calibrate, with a purge before them in the same way.
create or replace view training_snapshots as
with dated as (
    select
        calendar.as_of_date,
        calendar.as_of_date + params.churn_window_days as label_end_date,
        calendar.as_of_date - params.largest_window_days + 1
        >= period.first_event_date as has_full_lookback,
        params.test_size,
        params.calibration_size
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
        calibration_size,
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
        calibration_size,
        dates_from_end <= greatest(1, floor(test_dates)) as is_test,
        min(
            case
                when dates_from_end <= greatest(1, floor(test_dates)) then as_of_date
            end
        ) over () as first_test_date
    from ranked
),

parted as (
    select
        as_of_date,
        label_end_date,
        calibration_size,
        case
            when not has_full_lookback then 'warm_up'
            when is_test then 'test'
            when label_end_date < first_test_date then 'train'
            else 'purge'
        end as split
    from bounded
),

trained as (
    select
        as_of_date,
        label_end_date,
        split,
        calibration_size * count(*) over of_split as calibration_dates,
        max(as_of_date) over of_split as last_date,
        row_number() over (
            partition by split order by as_of_date desc
        ) as dates_from_end
    from parted
    window of_split as (partition by split)
),

calibrated as (
    select
        as_of_date,
        label_end_date,
        split,
        split = 'train' and calibration_dates is not null
        and dates_from_end <= greatest(1, floor(calibration_dates))
        and as_of_date > last_date - 365 as calibrates
    from trained
),

first_calibrations as (
    select min(as_of_date) as first_calibration_date
    from calibrated
    where calibrates
),

fitting as (
    select
        calibrated.as_of_date,
        calibrated.label_end_date,
        calibrated.split,
        calibrated.calibrates,
        coalesce(
            calibrated.split = 'train'
            and calibrated.label_end_date < first_calibrations.first_calibration_date, false
        ) as fits
    from calibrated
    cross join first_calibrations
)

select
    as_of_date,
    label_end_date,
    split,
    case
        when split <> 'train' or not bool_or(fits) over () then null
        when calibrates then 'calibrate'
        when fits then 'fit'
        else 'purge'
    end as calibration_role
from fitting;

comment on column training_snapshots.as_of_date is 'features are known at the end of this UTC day';
comment on column training_snapshots.label_end_date is 'last day that the label looks at';
comment on column training_snapshots.split is 'train, purge, test or warm_up';
comment on column training_snapshots.calibration_role is
'of a training day: fit, purge or calibrate. NULL: no training day, or no room for a purged calibration';
