-- promotions: one row per change of the production model.
-- grain:  promoted_at
-- reads:
-- Kept, never rebuilt. The newest row is production.
create table if not exists promotions (
    promoted_at timestamp primary key,
    model_version varchar not null,
    previous_version varchar,
    as_of_date date not null,
    primary_metric varchar not null,
    metric_value double not null,
    previous_value double,
    reason varchar not null
);

comment on column promotions.promoted_at is 'UTC';
comment on column promotions.model_version is 'production from then on';
comment on column promotions.previous_version is 'production until then. NULL: there was none';
comment on column promotions.as_of_date is 'both were compared on test rows of the world that ended this evening';
comment on column promotions.primary_metric is 'the metric that decided, on eligible test rows';
comment on column promotions.metric_value is 'of model_version';
comment on column promotions.previous_value is 'of previous_version, same rows. NULL: none, or not comparable';
comment on column promotions.reason is 'why, for a person';
