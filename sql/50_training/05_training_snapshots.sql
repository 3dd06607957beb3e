-- training_snapshots: one row per cut-off date of the training rows, with its part of the split.
-- grain:  as_of_date
-- reads:  calendar, params, period
-- Every snapshot_every_days, counted back from the last day with a label. Of the dates with a full look-back the last
-- test_size are test dates; dates whose label window reaches the first test date are purged; dates without a full
-- look-back are warm-up. Of the training dates the last calibration_size, from one year at most, are for calibration,
-- and dates before them are purged in the same way.
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

split_dates as (
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

counted as (
    select
        as_of_date,
        label_end_date,
        split,
        calibration_size * count(*) over of_split as calibration_dates,
        max(as_of_date) over of_split as last_date,
        row_number() over (
            partition by split order by as_of_date desc
        ) as dates_from_end
    from split_dates
    window of_split as (partition by split)
),

calibrated as (
    select
        as_of_date,
        label_end_date,
        split,
        split = 'train' and calibration_dates is not null
        and dates_from_end <= greatest(1, floor(calibration_dates))
        and as_of_date > last_date - 365 as is_calibration
    from counted
),

first_calibrations as (
    select min(as_of_date) as first_calibration_date
    from calibrated
    where is_calibration
),

roles as (
    select
        calibrated.as_of_date,
        calibrated.label_end_date,
        calibrated.split,
        calibrated.is_calibration,
        coalesce(
            calibrated.split = 'train'
            and calibrated.label_end_date < first_calibrations.first_calibration_date, false
        ) as is_fit
    from calibrated
    cross join first_calibrations
)

select
    as_of_date,
    label_end_date,
    split,
    case
        when split <> 'train' or not bool_or(is_fit) over () then null
        when is_calibration then 'calibrate'
        when is_fit then 'fit'
        else 'purge'
    end as calibration_role
from roles;

comment on column training_snapshots.as_of_date is 'features are known at the end of this UTC day';
comment on column training_snapshots.label_end_date is 'last day of the label window';
comment on column training_snapshots.split is 'train, purge, test or warm_up';
comment on column training_snapshots.calibration_role is
'of a training date: fit, purge or calibrate. NULL: not a training date, or no room for a purged calibration';
