"""The reference of drift, frozen with a model: what features, score, label and the volume of data were like.

Not raw rows are kept but shares of bins, and how far the business usually moves between learning and scoring.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from scipy.stats import chi2

from churn_duck.model.dataset import MAX_LEVELS
from churn_duck.model.inference import feature_query, write_risks
from churn_duck.model.onnx_model import OnnxModel
from churn_duck.settings.config import Settings
from churn_duck.settings.view_columns import BUCKETS, categorical, kept_feature_columns
from churn_duck.warehouse.catalog import render, sql_folder
from churn_duck.warehouse.query import literal
from churn_duck.warehouse.store import Warehouse

# seven days, four apart, hold every weekday once
STEP_DAYS, REFERENCE_DAYS = 4, 7
# a year of days to compare, each with a reference before it
MOST_DAYS = 106
# user-days to look at: beyond them a share of the users, since noise is long below any threshold
MOST_USER_DAYS = 600_000
# of what the year before did, the highest 5 % are no measure of the usual, so that one outage does not excuse the next
USUAL_QUANTILE = 0.95
# that anything at all exceeds the noise by chance
FALSE_ALARM = 0.05


def observe(con: duckdb.DuckDBPyConnection, settings: Settings, first: date, last: date) -> None:
    """Look at the eligible rows of the days from `first` to `last` that a model learns from, for `freeze`."""
    users = con.execute("select count(*) from users_clean").fetchall()[0][0]
    days = min(MOST_DAYS, (last - first).days // STEP_DAYS + 1)
    buckets = max(1, min(BUCKETS, BUCKETS * MOST_USER_DAYS // max(1, users * days)))
    observe_users(con, settings, first, last, f"features.user_bucket < {buckets}", buckets / BUCKETS)


def observe_users(
    con: duckdb.DuckDBPyConnection, settings: Settings, first: date, last: date, only: str, share: float
) -> None:
    """The same of those users of whom the condition `only` holds, who are `share` of all."""
    _run(
        con,
        settings,
        "observed",
        {
            "first_date": first,
            "last_date": last,
            "step": STEP_DAYS,
            "most_days": MOST_DAYS,
            "only": only,
            "share": share,
        },
    )


def freeze(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, model: OnnxModel) -> None:
    """Make the reference of one model from what `observe` saw; `keep` writes it with the model's registration."""
    settings = warehouse.settings
    with TemporaryDirectory(dir=warehouse.root, prefix=".scoring-") as scratch:
        rows = "(select row_id as user_id, * exclude (user_id) from drift_rows)"
        write_risks(con, model, [feature_query(model.schema, rows)], Path(scratch))
        _run(
            con,
            settings,
            "frozen",
            {
                "scores": str(Path(scratch) / "*.parquet"),
                "number_columns": [*model.schema.numeric, "churn_risk"],
                "reference_days": REFERENCE_DAYS,
                "gap": -(-settings.churn.window_days // STEP_DAYS),
                "most_levels": MAX_LEVELS,
                "usual_quantile": USUAL_QUANTILE,
            },
        )


def _run(con: duckdb.DuckDBPyConnection, settings: Settings, name: str, more: dict[str, object]) -> None:
    kept = kept_feature_columns(settings)
    context = {
        "settings": settings,
        "kept_feature_columns": kept,
        "category_columns": [column for column in categorical(settings) if column in kept],
        **more,
    }
    con.execute(render(sql_folder() / "shared" / f"drift_{name}.sql.jinja", context))


def keep(con: duckdb.DuckDBPyConnection, version: str) -> None:
    """Write the frozen reference under its model's name, in the caller's transaction."""
    con.execute(f"""insert into drift_bins
        select {literal(version)}, made.feature, made.bin, made.kind, made.lower_bound, made.upper_bound, made.level,
            coalesce(counts.n / nullif(sum(counts.n) over (partition by made.feature), 0), 0), counts.n
        from drift_bins_made as made
        inner join (
            select feature, bin, cast(sum(row_count) as bigint) as n
            from drift_counts where age < {REFERENCE_DAYS} group by feature, bin
        ) as counts using (feature, bin)""")
    con.execute(f"""insert into drift_reference
        with days as (
            select count(distinct user_id) as users, min(as_of_date) as first_day, max(as_of_date) as last_day
            from drift_days left join drift_rows using (age) where age < {REFERENCE_DAYS}
        )

        select {literal(version)}, bins.feature,
            case when bins.feature = 'churn_risk' then 'score' when bins.feature = 'churn_label' then 'label'
                when bool_or(bins.kind = 'unseen') then 'category' else 'number' end,
            days.users, days.first_day, days.last_day,
            {literal(_quantiles(con))}[greatest(1, count(*) filter (where bins.expected_share > 0) - 1)],
            coalesce(max(usual.usual_psi), 0), coalesce(max(usual.compared_days), 0)
        from drift_bins as bins cross join days left join drift_usual as usual using (feature)
        where bins.model_version = {literal(version)}
        group by bins.feature, days.users, days.first_day, days.last_day""")
    con.execute(f"insert into drift_volumes select {literal(version)}, * from drift_volumes_made")


def _quantiles(con: duckdb.DuckDBPyConnection) -> list[float]:
    """Chi-square quantiles by degrees of freedom, from 1, such that all features together seldom exceed theirs."""
    features, most = con.execute("select count(distinct feature), max(bin) from drift_bins_made").fetchall()[0]
    return [float(chi2.ppf(1 - FALSE_ALARM / features, freedom)) for freedom in range(1, most + 1)]
