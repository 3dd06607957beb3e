-- drift_volume: one row per quantity of data: how much there is on the as-of date, how much to expect, and the verdict.
-- grain:  quantity
-- reads:  current_production, drift_volumes, user_activity, period, params, scoring_dataset
-- Counts are judged by the factor between now and then, up or down; beyond usual_factor, and beyond three standard
-- deviations of a count. Silent days are judged by how many there are beyond the longest silence of the year before.
create or replace view drift_volume as
with expected as (
    select
        drift_volumes.quantity,
        drift_volumes.expected,
        drift_volumes.usual_factor
    from drift_volumes
    inner join current_production as production
        on drift_volumes.model_version = production.model_version
),

recent as (
    select
        coalesce(
            sum(user_activity.total_events) filter (where user_activity.activity_date = period.as_of_date), 0
        ) as events_last_day,
        coalesce(sum(user_activity.total_events), 0) as events_last_7_days
    from user_activity
    cross join period
    where user_activity.activity_date between period.as_of_date - 6 and period.as_of_date
),

newest as (
    select
        date_diff(
            'day', max(user_activity.activity_date), max(period.as_of_date)
        ) as silent_days
    from user_activity
    cross join period
    where user_activity.activity_date <= period.as_of_date
),

eligible as (
    select count(*) as eligible_rows
    from scoring_dataset
),

now as (
    select
        'eligible_rows' as quantity,
        eligible_rows as found
    from eligible
    union all
    select
        'events_last_day' as quantity,
        events_last_day as found
    from recent
    union all
    select
        'events_last_7_days' as quantity,
        events_last_7_days as found
    from recent
    union all
    select
        'silent_days' as quantity,
        silent_days as found
    from newest
),

compared as (
    select
        expected.quantity,
        expected.expected,
        expected.usual_factor,
        cast(now.found as double) as found,
        greatest(
            (now.found + 0.5) / (expected.expected + 0.5),
            (expected.expected + 0.5) / (now.found + 0.5)
        ) as factor,
        abs(now.found - expected.expected) > 3 * sqrt(now.found + expected.expected) as is_no_chance
    from expected
    inner join now on expected.quantity = now.quantity
)

select
    compared.quantity,
    compared.expected,
    compared.found,
    compared.factor,
    compared.usual_factor,
    case
        when compared.quantity = 'silent_days'
            then
                case
                    when compared.found - compared.expected >= params.drift_fail_silent_days then 'FAIL'
                    when compared.found > compared.expected then 'WARN'
                    else 'OK'
                end
        when not compared.is_no_chance or compared.factor <= compared.usual_factor then 'OK'
        when compared.factor >= params.drift_fail_volume then 'FAIL'
        when compared.factor >= params.drift_warn_volume then 'WARN'
        else 'OK'
    end as verdict
from compared
cross join params;

comment on column drift_volume.quantity is
'eligible_rows, events_last_day, events_last_7_days, or silent_days (days at the end without any event)';
comment on column drift_volume.expected is 'as the reference has it; of silent_days the most in the year before';
comment on column drift_volume.found is 'on the as-of date';
comment on column drift_volume.factor is 'found against expected, up or down, from 1; means nothing for silent_days';
comment on column drift_volume.usual_factor is 'days of the year before were seldom further from what was expected';
comment on column drift_volume.verdict is 'OK, WARN or FAIL';
