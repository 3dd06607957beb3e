-- retrainings: one row per retraining that began, with its reasons and outcome.
-- grain:  retrained_at
-- reads:
-- Never rebuilt.
create table if not exists retrainings (
    retrained_at timestamp primary key,
    as_of_date date not null,
    reasons varchar[] not null,
    message varchar not null,
    outcome varchar not null,
    challengers varchar[] not null,
    production varchar,
    decided varchar not null,
    data_hash varchar not null
);

comment on column retrainings.retrained_at is 'UTC';
comment on column retrainings.as_of_date is 'the training data ended this evening (UTC)';
comment on column retrainings.reasons is 'schedule, drift, realised_loss, age, alert or manual';
comment on column retrainings.message is 'the reasons in words';
comment on column retrainings.outcome is 'promoted, not_promoted, no_new_data or failed';
comment on column retrainings.challengers is 'trained versions; empty: none';
comment on column retrainings.production is 'the production model afterwards. NULL: there is none';
comment on column retrainings.decided is 'the reason for the outcome, in words';
comment on column retrainings.data_hash is 'SHA-256 over the landed files';
