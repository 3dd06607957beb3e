-- check_payment_amount_invalid: one row per payment whose amount is missing or negative.
-- grain:  landing, source_row
-- reads:  raw_events
-- An amount of exactly 0 is check_payment_amount_zero.
create or replace view check_payment_amount_invalid as
select
    landing,
    source_row,
    'fail' as severity,
    'payment ' || event_id
    || ' has amount ' || coalesce(cast(amount as varchar), 'NULL') as offence
from raw_events
where
    {{ trimmed_lower('event_type') }}
    in ('payment_success', 'payment_failed')
    and (amount is null or amount < 0);

{{ comments('check_payment_amount_invalid', check_columns) }}
