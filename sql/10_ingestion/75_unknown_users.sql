-- unknown_users: one row per user of landed events who is not in users_clean (yet).
-- grain:  user_id
-- reads:  raw_events, users_clean
-- When such a user lands later, the next build finds the days of their events here.
{% if after_landing is none %}
create or replace table unknown_users as
select distinct user_id
from raw_events
where user_id not in (select users_clean.user_id from users_clean);
{% else %}
delete from unknown_users
where user_id in (select users_clean.user_id from users_clean);

insert into unknown_users
select distinct user_id
from {{ arrived_events }}
where
    user_id not in (select users_clean.user_id from users_clean)
    and user_id not in (select known.user_id from unknown_users as known);
{% endif %}

comment on column unknown_users.user_id is 'the user';
