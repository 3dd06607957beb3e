-- drift_psi: one row per feature of the production model, its score and its label: its PSI and the verdict.
-- grain:  feature
-- reads:  drift_shares, drift_reference, current_production, params
-- psi = sum of (now - then) * ln(now / then) over the bins, with half a row added to each bin on both sides, so that
-- an empty bin has a finite weight. A PSI counts from warn_psi and fail_psi on, and only above its floor: sampling
-- noise at this size, and normal variation over the past year. Rows in bins that are empty in the reference (a new
-- word, a NULL, a number far outside) are judged by their share too, since PSI reacts slowly to a few of them: by
-- their share of all rows and, as many features are 0 for nearly everyone, from warn_unseen on by their share of the
-- uncommon rows.
create or replace view drift_psi as
with reference as (
    select
        drift_reference.feature,
        drift_reference.kind,
        drift_reference.users,
        drift_reference.noise_quantile,
        drift_reference.usual_psi,
        count(*) over () as watched
    from drift_reference
    inner join current_production as production
        on drift_reference.model_version = production.model_version
),

sized as (
    select
        feature,
        bin,
        meaning,
        expected_share,
        current_share,
        row_count,
        sum(row_count) over (partition by feature) as row_total,
        count(*) over (partition by feature) as bin_count
    from drift_shares
),

smoothed as (
    select
        sized.feature,
        sized.bin,
        sized.row_total,
        sized.row_count,
        sized.expected_share,
        sized.meaning
        || printf(': %.3g %% to %.3g %%', 100 * sized.expected_share, 100 * sized.current_share) as moved,
        {{ smoothed_share('sized.expected_share * reference.users', 'reference.users', 'sized.bin_count') }}
            as share_then,
        {{ smoothed_share('sized.row_count', 'sized.row_total', 'sized.bin_count') }} as share_now
    from sized
    inner join reference on sized.feature = reference.feature
),

weighed as (
    select
        feature,
        bin,
        row_total,
        row_count,
        expected_share,
        moved,
        {{ psi_term('share_now', 'share_then') }} as weight
    from smoothed
),

summed as (
    select
        feature,
        max(row_total) as row_total,
        -- in one order, so that the last digits do not depend on the threads
        sum(weight order by bin) as psi,
        coalesce(sum(row_count) filter (where expected_share = 0), 0) as unseen_rows,
        max(row_total) - max_by(row_count, (expected_share, bin)) as uncommon_rows,
        max_by(moved, (weight, bin)) as moved
    from weighed
    group by feature
),

measured as (
    select
        reference.feature,
        reference.kind,
        reference.users,
        reference.usual_psi,
        coalesce(summed.row_total, 0) as row_total,
        case when summed.row_total > 0 then summed.psi end as psi,
        reference.noise_quantile * (1 / reference.users + 1 / nullif(summed.row_total, 0)) as noise_psi,
        coalesce(summed.unseen_rows, 0) / nullif(summed.row_total, 0) as unseen_share,
        coalesce(summed.unseen_rows, 0) / nullif(summed.uncommon_rows, 0) as unseen_uncommon_share,
        -- as improbable as that all of these rows came to one side of two samples of one population
        coalesce(summed.unseen_rows, 0) * ln(1 + reference.users / nullif(summed.row_total, 0))
        > ln(reference.watched / 0.05) as unseen_is_no_chance,
        summed.moved
    from reference
    left join summed on reference.feature = summed.feature
)

select
    measured.feature,
    measured.kind,
    measured.users,
    measured.row_total,
    measured.psi,
    measured.noise_psi,
    measured.usual_psi,
    greatest(measured.noise_psi, measured.usual_psi) as floor_psi,
    measured.unseen_share,
    case
        when measured.psi is null then null
        when
            measured.psi >= params.drift_fail_psi
            and measured.psi > greatest(measured.noise_psi, measured.usual_psi)
            then 'FAIL'
        when
            measured.unseen_is_no_chance
            and measured.unseen_share >= params.drift_warn_unseen
            and (measured.unseen_share >= params.drift_fail_unseen or measured.unseen_uncommon_share >= 0.5)
            then 'FAIL'
        when
            measured.psi >= params.drift_warn_psi
            and measured.psi > greatest(measured.noise_psi, measured.usual_psi)
            then 'WARN'
        when measured.unseen_share >= params.drift_warn_unseen and measured.unseen_is_no_chance then 'WARN'
        else 'OK'
    end as verdict,
    measured.moved
from measured
cross join params;

comment on column drift_psi.feature is 'a feature of the production model, churn_risk (its score) or churn_label';
comment on column drift_psi.kind is 'number, category, score or label';
comment on column drift_psi.users is 'users in the reference';
comment on column drift_psi.row_total is 'current rows, one a user';
comment on column drift_psi.psi is 'population stability index of now against then. NULL: no current rows';
comment on column drift_psi.noise_psi is 'what chance alone seldom exceeds at these sizes. NULL: no current rows';
comment on column drift_psi.usual_psi is 'what the year before seldom exceeded over the same distance';
comment on column drift_psi.floor_psi is 'the greater of both: a PSI up to it is not significant';
comment on column drift_psi.unseen_share is 'share of the rows of a kind that the reference never held. NULL: no rows';
comment on column drift_psi.verdict is 'OK, WARN or FAIL. NULL: no current rows';
comment on column drift_psi.moved is 'the bin that weighs most, and its share then and now. NULL: no current rows';
