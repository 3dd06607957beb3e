-- drift_history: one row per checked day and check, from the newest check of that day.
-- grain:  as_of_date, name
-- reads:  drift_reports
create or replace view drift_history as
with checked as (
    select
        as_of_date,
        model_version,
        row_number() over (
            partition by as_of_date
            order by max(checked_at) desc, model_version desc
        ) as age
    from drift_reports
    group by as_of_date, model_version
)

select
    drift_reports.as_of_date,
    drift_reports.name,
    drift_reports.kind,
    drift_reports.model_version,
    drift_reports.verdict,
    case drift_reports.verdict
        when 'FAIL' then 3
        when 'WARN' then 2
        when 'OK' then 1
        else 0
    end as severity,
    drift_reports.psi,
    drift_reports.floor_psi,
    drift_reports.message
from drift_reports
inner join checked
    on
        drift_reports.as_of_date = checked.as_of_date
        and drift_reports.model_version = checked.model_version
where checked.age = 1;

comment on column drift_history.as_of_date is 'the day whose eligible rows were compared';
comment on column drift_history.name is 'feature, churn_risk, churn_label, a quantity, or a missing column';
comment on column drift_history.kind is 'number, category, score, label, volume, freshness or column';
comment on column drift_history.model_version is 'production, whose reference they were compared with';
comment on column drift_history.verdict is 'OK, WARN or FAIL. NULL: there was nothing to compare';
comment on column drift_history.severity is '3: FAIL, 2: WARN, 1: OK, 0: there was nothing to compare';
comment on column drift_history.psi is 'population stability index. NULL: not of this kind, or nothing to compare';
comment on column drift_history.floor_psi is 'a PSI up to it is not significant. NULL: as psi';
comment on column drift_history.message is 'what moved most, in words';
