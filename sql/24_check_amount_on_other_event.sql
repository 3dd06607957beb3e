-- check_amount_on_other_event: one row per event that is no payment and carries an amount.
-- grain:  landing, source_row
-- reads:  raw_events
-- A failure above 2 % of all events, below it a warning.
create or replace view check_amount_on_other_event as
with judged as (
    select
        landing,
        source_row,
        event_id,
        event_type,
        amount,
        {{ trimmed_lower('event_type') }}
        not in ('payment_success', 'payment_failed') as is_other
    from raw_events
),

total as (
    select
        cast(count(*) filter (where is_other and amount is not null) as double)
        / nullif(count(*), 0) as offending_share
    from judged
)

select
    judged.landing,
    judged.source_row,
    case when total.offending_share > 0.02 then 'fail' else 'warn' end as severity,
    'event ' || judged.event_id || ' of type ' || judged.event_type
    || ' has amount ' || judged.amount as offence
from judged
cross join total
where judged.is_other and judged.amount is not null;

{{ comments('check_amount_on_other_event', check_columns) }}
