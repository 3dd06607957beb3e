-- validation_report: one row per rule, with how often it was broken and three examples.
-- grain:  rule
-- reads:  {{ checks | join(', ') }}
create or replace view validation_report as
{% for check in checks %}
select
    '{{ check }}' as rule,
    case
        when count(*) = 0 then 'pass'
        when bool_or(severity = 'fail') then 'fail'
        else 'warn'
    end as verdict,
    count(*) as offences,
    min(offence, 3) as examples
from {{ check }}{{ ';' if loop.last }}
{% if not loop.last %}
union all
{% endif %}
{% endfor %}

comment on column validation_report.rule is 'name of the view that lists every offending row';
comment on column validation_report.verdict is 'pass, warn or fail';
comment on column validation_report.offences is 'offending rows';
comment on column validation_report.examples is 'the first three offences in alphabetical order. NULL: none';
