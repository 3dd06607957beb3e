-- drift_status: one row when the production model has been checked for drift: its newest check.
-- grain:  (one row)
-- reads:  drift_reports, production
create or replace view drift_status as
with checks as (
    select
        drift_reports.as_of_date,
        drift_reports.model_version,
        drift_reports.checked_at,
        drift_reports.kind,
        drift_reports.verdict,
        drift_reports.psi,
        max(drift_reports.as_of_date) over () as newest_date
    from drift_reports
    inner join production on drift_reports.model_version = production.model_version
),

counted as (
    select
        as_of_date,
        model_version,
        max(checked_at) as checked_at,
        count(*) filter (where verdict = 'FAIL') as failed,
        count(*) filter (where verdict = 'WARN') as warned,
        max(psi) filter (where kind in ('number', 'category')) as max_psi
    from checks
    where as_of_date = newest_date
    group by as_of_date, model_version
)

select
    as_of_date,
    model_version,
    checked_at,
    case
        when failed > 0 then 'FAIL'
        when warned > 0 then 'WARN'
        else 'OK'
    end as verdict,
    failed,
    warned,
    max_psi
from counted;

comment on column drift_status.as_of_date is 'the day whose eligible rows were compared';
comment on column drift_status.model_version is 'production';
comment on column drift_status.checked_at is 'when, UTC';
comment on column drift_status.verdict is 'OK, WARN or FAIL: the worst of all';
comment on column drift_status.failed is 'checks with the verdict FAIL';
comment on column drift_status.warned is 'checks with the verdict WARN';
comment on column drift_status.max_psi is 'largest population stability index of a feature. NULL: none was compared';
