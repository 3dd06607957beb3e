-- risk_bands: one row per scored day and risk band, empty bands included.
-- grain:  as_of_date, band
-- reads:  scored_days, banded_predictions, params
-- banded_predictions defines the bands. The bands of a day sum to its scored users.
create or replace view risk_bands as
with counted as (
    select
        as_of_date,
        band,
        count(*) as band_users,
        sum(churn_risk) as risk
    from banded_predictions
    group by as_of_date, band
),

bands as (
    select
        'high' as band,
        1 as place,
        high_risk_threshold as from_risk
    from params
    union all
    select
        'medium' as band,
        2 as place,
        high_risk_threshold / 2 as from_risk
    from params
    union all
    select
        'low' as band,
        3 as place,
        cast(0 as double) as from_risk
    from params
)

select
    scored_days.as_of_date,
    bands.band,
    bands.place,
    bands.from_risk,
    coalesce(counted.band_users, 0) as band_users,
    coalesce(counted.band_users, 0) / cast(scored_days.scored_users as double) as user_share,
    round(counted.risk, 9) as expected_churners,
    scored_days.model_version
from scored_days
cross join bands
left join counted
    on scored_days.as_of_date = counted.as_of_date and bands.band = counted.band;

comment on column risk_bands.as_of_date is 'the scored UTC day';
comment on column risk_bands.band is 'high, medium or low';
comment on column risk_bands.place is '1: high, 2: medium, 3: low';
comment on column risk_bands.from_risk is 'churn_risk at which the band begins, 0 to 1';
comment on column risk_bands.band_users is 'scored users in it';
comment on column risk_bands.user_share is 'their share of the scored users, 0 to 1';
comment on column risk_bands.expected_churners is
'sum of their risks: users expected to leave. NULL: empty band';
comment on column risk_bands.model_version is 'the model that scored';
