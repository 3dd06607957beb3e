-- training_snapshots: one row per cut-off date of the training rows, with its part of the split.
-- grain:  as_of_date
-- reads:  daily_volume, params, period, unrecorded_windows
-- Every snapshot_every_days, counted back from the last day with a label. Multiples of a week would always fall on the
-- same weekday, so each date is moved three weekdays further than the next one. Dates whose label window or look-back
-- was not recorded, and dates after a month without activity, are left out. The last test_size of the dates, one year
-- at most, are test dates; dates whose label window reaches the first test date are purged. If fewer than three dates
-- are left for training, every date is `by_user`: a share of the users is held out in place of dates. Of the training
-- dates the last calibration_size, one year at most, are for calibration, and dates before them are purged likewise.
create or replace view training_snapshots as
with populated as (
    select
        as_of_date,
        sum(active_users) over (
            order by as_of_date
            rows between 29 preceding and current row
        ) as recent_active_users
    from daily_volume
),

aged as (
    select
        populated.as_of_date,
        populated.as_of_date + params.label_days as label_end_date,
        date_diff('day', populated.as_of_date, period.as_of_date) - params.label_days as age_days,
        params.snapshot_every_days,
        params.test_size,
        params.calibration_size
    from populated
    cross join params
    cross join period
    where
        populated.as_of_date + params.label_days <= period.as_of_date
        and populated.recent_active_users > 0
        and populated.as_of_date not in (
            select unrecorded_windows.as_of_date
            from unrecorded_windows
            where unrecorded_windows.has_no_label or unrecorded_windows.has_no_lookback
        )
),

dated as (
    select
        as_of_date,
        label_end_date,
        test_size,
        calibration_size
    from aged
    where
        mod(
            age_days - case
                when mod(snapshot_every_days, 7) = 0
                    then mod(3 * cast(floor(age_days / cast(snapshot_every_days as double)) as integer), 7)
                else 0
            end, snapshot_every_days
        ) = 0
),

ranked as (
    select
        as_of_date,
        label_end_date,
        calibration_size,
        test_size * count(*) over () as test_dates,
        max(as_of_date) over () - 365 as test_after_date,
        row_number() over (
            order by as_of_date desc
        ) as dates_from_end
    from dated
),

tested as (
    select
        as_of_date,
        label_end_date,
        calibration_size,
        dates_from_end <= greatest(1, floor(test_dates)) and as_of_date > test_after_date as is_test
    from ranked
),

bounded as (
    select
        as_of_date,
        label_end_date,
        calibration_size,
        is_test,
        label_end_date < min(case when is_test then as_of_date end) over () as is_train
    from tested
),

parted as (
    select
        as_of_date,
        label_end_date,
        calibration_size,
        case
            when count(*) filter (where is_train) over () < 3 then 'by_user'
            when is_test then 'test'
            when is_train then 'train'
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
comment on column training_snapshots.split is 'train, purge, test, or by_user: train or test by the user';
comment on column training_snapshots.calibration_role is
'of a training day: fit, purge or calibrate. NULL: no training day, or no room for a purged calibration';
