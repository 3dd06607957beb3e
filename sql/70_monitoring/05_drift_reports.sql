-- drift_reports: one row per day, model version and check, from the newest check of that day.
-- grain:  as_of_date, model_version, name
-- reads:
-- Never rebuilt. Checking a day again replaces its rows.
create table if not exists drift_reports (
    as_of_date date not null,
    model_version varchar not null,
    name varchar not null,
    kind varchar not null,
    verdict varchar,
    psi double,
    floor_psi double,
    message varchar not null,
    checked_at timestamp not null,
    primary key (as_of_date, model_version, name)
);

comment on column drift_reports.as_of_date is 'the day whose eligible rows were compared';
comment on column drift_reports.model_version is 'production, whose reference they were compared with';
comment on column drift_reports.name is 'feature, churn_risk, churn_label, a quantity, or a missing column';
comment on column drift_reports.kind is 'number, category, score, label, volume, freshness or column';
comment on column drift_reports.verdict is 'OK, WARN or FAIL. NULL: there was nothing to compare';
comment on column drift_reports.psi is 'population stability index. NULL: not of this kind, or nothing to compare';
comment on column drift_reports.floor_psi is 'a PSI up to it is not significant. NULL: as psi';
comment on column drift_reports.message is 'what moved most, in words';
comment on column drift_reports.checked_at is 'when, UTC';
