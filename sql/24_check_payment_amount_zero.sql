-- check_payment_amount_zero: one row per payment of exactly nothing, such as a voucher.
-- grain:  landing, source_row
-- reads:  raw_events
-- A failure above 2 % of all payments, below it a warning: one retailer's real log has 80 among 69,659.
create or replace view check_payment_amount_zero as
with judged as (
    select
        landing,
        source_row,
        event_id,
        amount,
        {{ trimmed_lower('event_type') }}
        in ('payment_success', 'payment_failed') as is_payment
    from raw_events
),

total as (
    select
        cast(count(*) filter (where is_payment and amount = 0) as double)
        / nullif(count(*) filter (where is_payment), 0) as offending_share
    from judged
)

select
    judged.landing,
    judged.source_row,
    case when total.offending_share > 0.02 then 'fail' else 'warn' end as severity,
    'payment ' || judged.event_id || ' has amount 0' as offence
from judged
cross join total
where judged.is_payment and judged.amount = 0;

{{ comments('check_payment_amount_zero', check_columns) }}
