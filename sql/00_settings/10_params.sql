-- params: one row, the settings that the views read, and the as-of date that was asked for.
-- grain:  (one row)
-- reads:
-- Rewritten by every command that trains or scores, so that the views show the data as that command saw it.
create or replace table params as
select
    cast({{ settings.churn.window_days }} as integer) as churn_window_days,
    cast({{ settings.churn.lead_days }} as integer) as churn_lead_days,
    cast({{ settings.churn.lead_days + settings.churn.window_days }} as integer) as label_days,
    cast({{ settings.population.active_within_days | sql }} as integer) as active_within_days,
    cast({{ settings.features.windows_days | min }} as integer) as smallest_window_days,
    cast({{ settings.features.windows_days | max }} as integer) as largest_window_days,
    cast({{ lookback_days }} as integer) as lookback_days,
    cast({{ settings.training.snapshot_every_days }} as integer) as snapshot_every_days,
    cast({{ settings.training.test_size }} as double) as test_size,
    cast({{ settings.calibration.size if settings.calibration.method != 'none' else none | sql }} as double)
        as calibration_size,
    cast({{ settings.scoring.high_risk_threshold }} as double) as high_risk_threshold,
    cast({{ settings.drift.warn_psi }} as double) as drift_warn_psi,
    cast({{ settings.drift.fail_psi }} as double) as drift_fail_psi,
    cast({{ settings.drift.warn_unseen }} as double) as drift_warn_unseen,
    cast({{ settings.drift.fail_unseen }} as double) as drift_fail_unseen,
    cast({{ settings.drift.warn_volume }} as double) as drift_warn_volume,
    cast({{ settings.drift.fail_volume }} as double) as drift_fail_volume,
    cast({{ settings.drift.fail_silent_days }} as integer) as drift_fail_silent_days,
    cast({{ settings.retraining.cooldown_days }} as integer) as retraining_cooldown_days,
    cast({{ settings.retraining.every_days | sql }} as integer) as retraining_every_days,
    cast({{ settings.retraining.doubt_days }} as integer) as retraining_doubt_days,
    cast({{ settings.retraining.max_age_days | sql }} as integer) as retraining_max_age_days,
    cast({{ settings.scoring.top_k }} as integer) as top_k,
    cast({{ requested_as_of_date | sql }} as date) as requested_as_of_date,
    cast({{ data_hash | sql }} as varchar) as data_hash,
    cast({{ sql_hash | sql }} as varchar) as sql_hash,
    cast({{ raw_folder | sql }} as varchar) as raw_folder;

comment on column params.churn_window_days is 'H: days of silence that make a churner';
comment on column params.churn_lead_days is
'days between as_of_date and the first day that the label looks at, less one';
comment on column params.label_days is 'days after as_of_date until a label is known: lead and window';
comment on column params.active_within_days is 'days; active this recently is eligible. NULL: every user-day is';
comment on column params.smallest_window_days is 'days in the smallest feature window';
comment on column params.largest_window_days is 'days in the largest feature window';
comment on column params.lookback_days is 'days that the look-back covers: the largest window, and active_within_days';
comment on column params.snapshot_every_days is 'days between two training snapshots';
comment on column params.test_size is 'share of the snapshot dates, the latest, that are for testing';
comment on column params.calibration_size is 'share of the training dates, the latest, that calibrate. NULL: none';
comment on column params.high_risk_threshold is 'churn_risk from which a user counts as high risk';
comment on column params.drift_warn_psi is 'PSI from which drift is a warning';
comment on column params.drift_fail_psi is 'PSI from which drift is a failure';
comment on column params.drift_warn_unseen is 'share of rows in unseen categories from which drift is a warning';
comment on column params.drift_fail_unseen is 'share of rows in unseen categories from which drift is a failure';
comment on column params.drift_warn_volume is 'factor of more or less data from which volume is a warning';
comment on column params.drift_fail_volume is 'factor of more or less data from which volume is a failure';
comment on column params.drift_fail_silent_days is 'days without events, beyond what is usual, that are a failure';
comment on column params.retraining_cooldown_days is 'days after a training during which the loop does not retrain';
comment on column params.retraining_every_days is 'days between scheduled trainings. NULL: none scheduled';
comment on column params.retraining_doubt_days is 'days after which a FAILing volume counts as a real change';
comment on column params.retraining_max_age_days is 'days without new data for production. NULL: no limit';
comment on column params.top_k is 'length of the top list: scoring.top_k';
comment on column params.requested_as_of_date is 'data after this UTC day is not seen. NULL: the last complete day';
comment on column params.data_hash is 'SHA-256 over the landed files that the views read';
comment on column params.sql_hash is 'SHA-256 over the rendered SQL that made the views, paths left out';
comment on column params.raw_folder is 'where the landed files were when the views were made';
