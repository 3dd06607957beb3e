-- slice_rows: one row per attribute and eligible test row of a model version, with the slice that the user belongs to.
-- grain:  sliced_by, user_id, as_of_date
-- reads:  test_scores, users_clean
-- A table macro: from slice_rows('candidate_hgb_...'). Attributes are the shown categories with their present values,
-- and the age of the account on the day. The eight largest levels have their own slice; place 9 holds all others.
create or replace macro slice_rows(version) as table
with tested as (
    select
        test_scores.user_id,
        test_scores.as_of_date,
        test_scores.churn_label,
        test_scores.churn_risk,
{% for a in attributes if a.shown and a.type == 'category' %}
        coalesce(users_clean.{{ a.name }}, 'missing') as value_of_{{ a.name }},
{% endfor %}
        date_diff('day', users_clean.signup_date, test_scores.as_of_date) as account_days
    from test_scores
    left join users_clean on test_scores.user_id = users_clean.user_id
    where test_scores.model_version = version and test_scores.is_eligible
),

placed as (
    select
        user_id,
        as_of_date,
        churn_label,
        churn_risk,
        'days since signup' as sliced_by,
        case
            when account_days < 30 then 'below 30'
            when account_days < 90 then '30 to 89'
            when account_days < 180 then '90 to 179'
            when account_days < 365 then '180 to 364'
            when account_days >= 365 then '365 and more'
            else 'missing'
        end as slice,
        case
            when account_days < 30 then 1
            when account_days < 90 then 2
            when account_days < 180 then 3
            when account_days < 365 then 4
            when account_days >= 365 then 5
            else 6
        end as fixed_place
    from tested
{% for a in attributes if a.shown and a.type == 'category' %}
    union all
    select
        user_id,
        as_of_date,
        churn_label,
        churn_risk,
        {{ a.name | sql }} as sliced_by,
        value_of_{{ a.name }} as slice,
        cast(null as integer) as fixed_place
    from tested
{% endfor %}
),

levels as (
    select
        sliced_by,
        slice,
        coalesce(
            fixed_place,
            row_number() over (
                partition by sliced_by
                order by count(*) desc, slice asc
            )
        ) as place
    from placed
    group by sliced_by, slice, fixed_place
)

select
    placed.sliced_by,
    least(levels.place, 9) as place,
    case when levels.place < 9 then placed.slice else 'all others' end as slice,
    placed.user_id,
    placed.as_of_date,
    placed.churn_label,
    placed.churn_risk
from placed
inner join levels
    on placed.sliced_by = levels.sliced_by and placed.slice = levels.slice;
