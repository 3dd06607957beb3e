-- raw_events: one row per event as it was landed, typed and otherwise untouched.
-- grain:  landing, source_row
-- reads:  read_parquet
create or replace view raw_events as
select
    landing,
    source_row,
    event_id,
    user_id,
    event_time,
    event_type{{ ',' if values }}
{% for value in values %}
    {{ value.name }}{{ ',' if not loop.last }}
{% endfor %}
from read_parquet({{ events_files | sql }});

comment on column raw_events.landing is 'number of the land command that landed the row';
comment on column raw_events.source_row is 'row number within that landing, from 1, in file order';
comment on column raw_events.event_id is 'the event';
comment on column raw_events.user_id is 'the user, who need not be in raw_users';
comment on column raw_events.event_time is 'when, UTC';
comment on column raw_events.event_type is 'as in the source';
{% for value in values %}
comment on column raw_events.{{ value.name }} is 'as in the source. NULL: none was given';
{% endfor %}
