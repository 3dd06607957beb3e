-- drift_reference: one row per model version and monitored quantity: each feature, the score and the label.
-- grain:  model_version, feature
-- reads:
-- Kept, never rebuilt; written with the model. The reference is the last seven days, four apart, of the data that the
-- model was trained on: every weekday once, and as recent as labels allow.
create table if not exists drift_reference (
    model_version varchar not null,
    feature varchar not null,
    kind varchar not null,
    users bigint not null,
    first_as_of_date date not null,
    last_as_of_date date not null,
    noise_quantile double not null,
    usual_psi double not null,
    compared_days bigint not null,
    primary key (model_version, feature)
);

comment on column drift_reference.model_version is 'the model';
comment on column drift_reference.feature is 'a feature of the model, churn_risk (its score) or churn_label';
comment on column drift_reference.kind is 'number, category, score or label';
comment on column drift_reference.users is 'eligible users behind the shares; rows of one user are not independent';
comment on column drift_reference.first_as_of_date is 'first day of the reference';
comment on column drift_reference.last_as_of_date is 'last day of the reference, one that the model was trained on';
comment on column drift_reference.noise_quantile is
'chi-square quantile; times (1 / users + 1 / rows) it is the PSI that sampling noise seldom exceeds';
comment on column drift_reference.usual_psi is
'PSI that days of the year before rarely exceeded, each against seven days one churn window earlier';
comment on column drift_reference.compared_days is 'number of days behind usual_psi; 0: usual_psi is 0';
