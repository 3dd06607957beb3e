-- user_history: one row per user and day on which the user did anything, with the user's rhythm up to that day.
-- grain:  user_id, activity_date
-- reads:  user_activity
-- Each row follows from the row before it and the day alone, step by step. So a build that only adds landings rebuilds
-- just the users touched by changed_days, from their first such day on, and equals a full build to the last digit;
-- window sums of doubles would not, since they depend on who else is in the table. Quantiles are of the last 20 gaps.
-- Made for a share of the users at a time, so that it needs the memory of that share.
{% set half_lives = [7, 30, 120] %}
{% set state = ['first_active_date', 'last_active_date', 'active_days', 'active_weeks', 'gap_squares', 'gap_logs',
    'gap_longest_days', 'recent_gaps'] %}
{% set decays = [] %}
{% for days in half_lives %}
{% set _ = decays.append(('active_days_decayed_%dd' % days, 'is_active_day', days)) %}
{% set _ = decays.append(('events_decayed_%dd' % days, 'ln_events', days)) %}
{% endfor %}
{% for m in decayed_measures %}
{% set _ = decays.append((m.name ~ '_decayed_7d', m.daily_column, 7)) %}
{% set _ = decays.append((m.name ~ '_decayed_30d', m.daily_column, 30)) %}
{% endfor %}
{% set gap = "date_diff('day', history.last_active_date, days.activity_date)" %}
{% set week = "floor(date_diff('day', history.first_active_date, %s) / cast(7 as double))" %}
{% if after_landing is not none %}
create or replace temp table touched_users as
with touched as (
    select
        user_id,
        activity_date
    from user_history
    where activity_date in (select changed_days.activity_date from changed_days)
    union all
    select
        user_id,
        activity_date
    from user_activity
    where activity_date in (select changed_days.activity_date from changed_days)
)

select
    user_id,
    min(activity_date) as first_date
from touched
group by user_id;

delete from user_history
using touched_users
where
    user_history.user_id = touched_users.user_id
    and user_history.activity_date >= touched_users.first_date;

{% endif %}
{% for first_bucket, last_bucket in history_buckets %}
{% set adds = after_landing is not none or not loop.first %}
{{ 'create or replace table user_history as' if not adds else 'insert into user_history' }}
with recursive days as materialized (
    select
        user_activity.user_id,
        user_activity.user_bucket,
        user_activity.activity_date,
        user_activity.is_active_day,
        ln(1 + user_activity.total_events) as ln_events,
{% for m in decayed_measures %}
        user_activity.{{ m.daily_column }},
{% endfor %}
        row_number() over (
            partition by user_activity.user_id order by user_activity.activity_date
        ) as step
    from user_activity
{% if after_landing is not none %}
    inner join touched_users
        on
            user_activity.user_id = touched_users.user_id
            and user_activity.activity_date >= touched_users.first_date
{% endif %}
    where user_activity.user_bucket between {{ first_bucket }} and {{ last_bucket }}
),

{% if after_landing is not none %}
kept as (
    select
        user_history.user_id,
        max(user_history.activity_date) as activity_date
    from user_history
    inner join touched_users on user_history.user_id = touched_users.user_id
    group by user_history.user_id
),

known as (
    select
        user_history.user_id,
        user_history.activity_date,
{% for column in state %}
        user_history.{{ column }},
{% endfor %}
{% for column, _, _ in decays %}
        user_history.{{ column }}{{ ',' if not loop.last }}
{% endfor %}
    from user_history
    inner join kept
        on
            user_history.user_id = kept.user_id
            and user_history.activity_date = kept.activity_date
),

{% endif %}
history as (
    select
        days.user_id,
        days.user_bucket,
{% if after_landing is none %}
        cast(0 as bigint) as step,
        cast(null as date) as activity_date,
        cast(null as date) as first_active_date,
        cast(null as date) as last_active_date,
        cast(0 as integer) as active_days,
        cast(0 as integer) as active_weeks,
        cast(0 as bigint) as gap_squares,
        cast(0 as double) as gap_logs,
        cast(null as integer) as gap_longest_days,
        cast([] as integer[]) as recent_gaps,
{% for column, _, _ in decays %}
        cast(0 as double) as {{ column }}{{ ',' if not loop.last }}
{% endfor %}
    from days
{% else %}
        cast(0 as bigint) as step,
        known.activity_date,
        known.first_active_date,
        known.last_active_date,
        coalesce(known.active_days, 0) as active_days,
        coalesce(known.active_weeks, 0) as active_weeks,
        coalesce(known.gap_squares, 0) as gap_squares,
        coalesce(known.gap_logs, 0) as gap_logs,
        known.gap_longest_days,
        coalesce(known.recent_gaps, []) as recent_gaps,
{% for column, _, _ in decays %}
        coalesce(known.{{ column }}, 0) as {{ column }}{{ ',' if not loop.last }}
{% endfor %}
    from days
    left join known on days.user_id = known.user_id
{% endif %}
    where days.step = 1
    union all
    select
        days.user_id,
        days.user_bucket,
        days.step,
        days.activity_date,
        case
            when days.is_active_day = 1 then coalesce(history.first_active_date, days.activity_date)
            else history.first_active_date
        end as first_active_date,
        case when days.is_active_day = 1 then days.activity_date else history.last_active_date end as last_active_date,
        history.active_days + days.is_active_day as active_days,
        history.active_weeks + cast(
            days.is_active_day = 1
            and coalesce(
                {{ week % 'days.activity_date' }}
                > {{ week % 'history.last_active_date' }},
                true
            ) as integer
        ) as active_weeks,
        history.gap_squares + coalesce(
            days.is_active_day
            * {{ gap }}
            * {{ gap }}, 0
        ) as gap_squares,
        case
            when days.is_active_day = 1
                then history.gap_logs + coalesce(ln({{ gap }}), 0)
            else history.gap_logs
        end as gap_logs,
        case
            when days.is_active_day = 1 and history.active_days > 0
                then cast(greatest(
                    history.gap_longest_days,
                    {{ gap }}
                ) as integer)
            else history.gap_longest_days
        end as gap_longest_days,
        case
            when days.is_active_day = 1 and history.active_days > 0
                then list_append(
                    history.recent_gaps[-19:],
                    cast({{ gap }} as integer)
                )
            else history.recent_gaps
        end as recent_gaps,
{% for column, daily, half_life in decays %}
        coalesce(
            history.{{ column }}
            * pow(
                cast(0.5 as double),
                date_diff('day', history.activity_date, days.activity_date) / cast({{ half_life }} as double)
            ), 0
        ) + days.{{ daily }} as {{ column }}{{ ',' if not loop.last }}
{% endfor %}
    from history
    inner join days
        on
            history.user_id = days.user_id
            and history.step + 1 = days.step
),

sorted as (
    select
        user_id,
        user_bucket,
        activity_date,
{% for column in state %}
        {{ column }},
{% endfor %}
{% for column, _, _ in decays %}
        {{ column }},
{% endfor %}
        nullif(greatest(active_days - 1, 0), 0) as gaps,
        date_diff('day', first_active_date, last_active_date) as gap_total,
        list_sort(recent_gaps) as sorted_gaps,
        cast(0.9 as double) * (len(recent_gaps) - 1) as place_90
    from history
    where step > 0
)

select
    user_id,
    user_bucket,
    activity_date,
{% for column in state %}
    {{ column }},
{% endfor %}
    gap_total / cast(gaps as double) as gap_mean_days,
    sqrt(
        (gaps * gap_squares - gap_total * gap_total)
        / cast(nullif(gaps * (gaps - 1), 0) as double)
    ) as gap_sd_days,
    gap_logs / gaps as gap_log_mean,
    recent_gaps[-1] as gap_last_days,
    (recent_gaps[-1] + coalesce(recent_gaps[-2], 0) + coalesce(recent_gaps[-3], 0))
    / cast(least(gaps, 3) as double) as gap_mean_last_3_days,
    (
        sorted_gaps[(len(sorted_gaps) + 1) // 2]
        + sorted_gaps[len(sorted_gaps) // 2 + 1]
    ) / cast(2 as double) as gap_median_days,
    sorted_gaps[cast(floor(place_90) as bigint) + 1] + (
        sorted_gaps[cast(ceil(place_90) as bigint) + 1]
        - sorted_gaps[cast(floor(place_90) as bigint) + 1]
    ) * (place_90 - floor(place_90)) as gap_p90_days,
{% for column, _, _ in decays %}
    {{ column }}{{ ',' if not loop.last }}
{% endfor %}
from sorted
order by date_trunc('month', activity_date), user_bucket, user_id, activity_date;

{% endfor %}
{% if after_landing is not none %}
drop table touched_users;

{% endif %}
comment on column user_history.user_id is 'the user';
comment on column user_history.user_bucket is {{ column_comments['user_bucket'] | sql }};
comment on column user_history.activity_date is 'UTC day with at least one event; the rhythm is that at its end';
comment on column user_history.first_active_date is 'first active day. NULL: none yet';
comment on column user_history.last_active_date is 'last active day. NULL: none yet';
comment on column user_history.active_days is 'active days up to then';
comment on column user_history.active_weeks is 'weeks, counted from the first active day, with an active day';
comment on column user_history.gap_squares is 'sum of the squares of the gaps between active days, in days';
comment on column user_history.gap_logs is 'sum of the natural logarithms of the gaps, in days';
comment on column user_history.recent_gaps is 'the last 20 gaps between active days, in days, the newest last';
{{ comments('user_history', ['gap_mean_days', 'gap_sd_days', 'gap_log_mean', 'gap_last_days', 'gap_mean_last_3_days',
    'gap_median_days', 'gap_p90_days', 'gap_longest_days']) }}
{% for column, daily, half_life in decays %}
comment on column user_history.{{ column }} is
{{ ('sum of %s, each day counting half for every %d days that have passed' % (
    'ln(1 + events)' if daily == 'ln_events' else daily, half_life)) | sql }};
{% endfor %}
