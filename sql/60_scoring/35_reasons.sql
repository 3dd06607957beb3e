-- reasons: one row per score and feature among the three that raise the risk most.
-- grain:  user_id, as_of_date, model_version, scored_at, reason_rank
-- reads:
-- Append-only, never rebuilt. Only what raises the risk is a reason, so a user may have fewer than three. A reason
-- describes the model, not the user's motives.
create table if not exists reasons (
    user_id {{ id_type }} not null,
    as_of_date date not null,
    model_version varchar not null,
    scored_at timestamp not null,
    reason_rank bigint not null,
    feature varchar not null,
    value varchar,
    typical varchar,
    contribution double not null,
    method varchar not null
);

comment on column reasons.user_id is 'the user';
comment on column reasons.as_of_date is 'features were known at the end of this UTC day';
comment on column reasons.model_version is 'the model that scored';
comment on column reasons.scored_at is 'when it was scored, UTC';
comment on column reasons.reason_rank is '1 raises the risk most; 1 to 3';
comment on column reasons.feature is 'column of user_features';
comment on column reasons.value is 'the feature of that user: a number or a level, as text. NULL: the user has none';
comment on column reasons.typical is
'the mean of those training rows that have the number, or the most frequent level, as text. NULL: none has one';
comment on column reasons.contribution is 'what the feature adds to the log-odds; above 0';
comment on column reasons.method is 'linear, path or shap; see explained_scores';
