-- explained_scores: one row per score of the ledger with what its contributions add up to.
-- grain:  user_id, as_of_date, model_version, scored_at
-- reads:
-- Append-only, never rebuilt. base, the contributions in reasons and other_contributions sum to log_odds within 1e-6.
create table if not exists explained_scores (
    user_id {{ id_type }} not null,
    as_of_date date not null,
    model_version varchar not null,
    scored_at timestamp not null,
    method varchar not null,
    log_odds double not null,
    base double not null,
    other_contributions double not null
);

comment on column explained_scores.user_id is 'the user';
comment on column explained_scores.as_of_date is 'features were known at the end of this UTC day';
comment on column explained_scores.model_version is 'the model that scored';
comment on column explained_scores.scored_at is 'when it was scored, UTC';
comment on column explained_scores.method is
'linear and shap: exact; path: changes from step to step in each tree, which is fast; shap is for the top list';
comment on column explained_scores.log_odds is 'output of the model; churn_risk is 1 / (1 + exp(-log_odds))';
comment on column explained_scores.base is
'linear: log-odds at the mean of every feature; path, shap: mean of the trees over the training rows';
comment on column explained_scores.other_contributions is 'sum over all features that are not among the reasons';
