-- events_clean: one row per event of a known user.
-- grain:  event_id
-- reads:  raw_events, superseded_events, users_clean
create or replace view events_clean as
select
    event_id,
    user_id,
    event_time,
    {{ trimmed_lower('event_type') }} as event_type,
{% for value in values %}
{% if value.missing is not none %}
    coalesce({{ value.name }}, {{ value.missing | sql }}) as {{ value.name }},
{% else %}
    {{ value.name }},
{% endif %}
{% endfor %}
    cast(event_time as date) as event_date
from raw_events
where
    {{ trimmed_lower('event_type') }} <> ''
    and user_id in (select users_clean.user_id from users_clean)
    and not exists (
        select superseded_events.landing
        from superseded_events
        where
            superseded_events.landing = raw_events.landing
            and superseded_events.source_row = raw_events.source_row
    );

comment on column events_clean.event_id is 'the event';
comment on column events_clean.user_id is 'the user';
comment on column events_clean.event_time is 'when, UTC';
comment on column events_clean.event_type is 'lower case, trimmed';
{% for value in values %}
comment on column events_clean.{{ value.name }} is
{{ (value.meaning or 'as in the source. NULL: none was given') | sql }};
{% endfor %}
comment on column events_clean.event_date is 'UTC day of event_time';
