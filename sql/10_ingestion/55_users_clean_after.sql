-- users_clean_after: one row per user who landed after a landing with an id, a signup date and required attributes.
-- grain:  user_id
-- reads:  raw_users, landings
-- A table macro: from users_clean_after(0) for all. The one definition of a user: of several rows the newest landing
-- counts, and in it the first row.
create or replace macro users_clean_after(after_landing) as table
with lacking as (
    select distinct
        landing,
        unnest(string_split(missing_columns, ', ')) as column_name
    from landings
    where source_table = 'users'
),

normalised as (
    select
        raw_users.user_id,
        raw_users.signup_date,
{% for a in attributes %}
        {{ trimmed_lower('raw_users.' ~ a.name) ~ ' as ' ~ a.name if a.lower_case else 'raw_users.' ~ a.name }},
{% if a.where_absent %}
        (raw_users.landing, {{ a.name | sql }}) in (
            select (lacking.landing, lacking.column_name) from lacking
        ) as {{ a.name }}_is_absent,
{% endif %}
{% endfor %}
        raw_users.landing,
        raw_users.source_row
    from raw_users
),

numbered as (
    select
        user_id,
        signup_date,
{% for a in attributes %}
{% if a.where_absent %}
        case
            when {{ a.name }}_is_absent
                then cast({{ a.where_absent.attribute }} = {{ a.where_absent.value | sql }} as bigint)
            else {{ 'coalesce(%s, %s)' % (a.name, a.missing | sql) if a.missing is not none else a.name }}
        end as {{ a.name }},
{% elif a.missing is not none %}
        coalesce({{ a.name }}, {{ a.missing | sql }}) as {{ a.name }},
{% else %}
        {{ a.name }},
{% endif %}
{% endfor %}
        row_number() over (
            partition by user_id
            order by landing desc, source_row asc
        ) as row_of_user
    from normalised
    where
        landing > after_landing
        and user_id is not null
        and signup_date is not null
{% for a in attributes if a.required %}
        and {{ a.name }}{{ " <> ''" if a.type == 'category' else ' is not null' }}
{% endfor %}
)

select
    user_id,
    cast(md5_number(cast(user_id as varchar)) % 256 as integer) as user_bucket,
    signup_date{{ ',' if attributes }}
{% for a in attributes %}
    {{ a.name }}{{ ',' if not loop.last }}
{% endfor %}
from numbered
where row_of_user = 1;
