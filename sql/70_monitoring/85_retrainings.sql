-- retrainings: one row per retraining that began, with its reasons and what came of it.
-- grain:  retrained_at
-- reads:
-- Kept, never rebuilt.
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
comment on column retrainings.as_of_date is 'the world that was learned from ended this evening (UTC)';
comment on column retrainings.reasons is 'schedule, drift, realised_loss, age, alert or manual';
comment on column retrainings.message is 'the grounds in words';
comment on column retrainings.outcome is 'promoted, kept, no_new_data or failed';
comment on column retrainings.challengers is 'versions that were trained; empty: none';
comment on column retrainings.production is 'the production model afterwards. NULL: there is none';
comment on column retrainings.decided is 'why, in words';
comment on column retrainings.data_hash is 'SHA-256 over the landed files';
