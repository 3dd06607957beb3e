"""The drift reference, frozen with a model: distributions of features, score and label, and the volume of data.

It holds shares of bins, not raw rows, and the normal variation of the business between training and scoring.
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
from churn_duck.warehouse.store import Warehouse

# seven days, four apart, include every weekday once
STEP_DAYS, REFERENCE_DAYS = 4, 7
# a year of days to compare, each with the reference days before it
MOST_DAYS = 106
# user-days to read: with more, a sample of the users is enough, since its noise is far below any threshold
MOST_USER_DAYS = 600_000
# the highest 5 % of the past year do not count as normal variation, so that one outage does not excuse the next
USUAL_QUANTILE = 0.95
# probability that any feature at all exceeds its noise by chance
FALSE_ALARM = 0.05


def observe(con: duckdb.DuckDBPyConnection, settings: Settings, first: date, last: date) -> None:
    """Reads the eligible rows of a model's training days, `first` to `last`, into temporary tables for `freeze`."""
    users = con.execute("select count(*) from users_clean").fetchall()[0][0]
    days = min(MOST_DAYS, (last - first).days // STEP_DAYS + 1)
    buckets = max(1, min(BUCKETS, BUCKETS * MOST_USER_DAYS // max(1, users * days)))
    observe_users(con, settings, first, last, f"features.user_bucket < {buckets}", buckets / BUCKETS)


def observe_users(
    con: duckdb.DuckDBPyConnection, settings: Settings, first: date, last: date, only: str, share: float
) -> None:
    """Does the same for the users that meet the SQL condition `only`, who are `share` of all."""
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
    """Builds the reference of one model from the rows of `observe`; `keep` writes it with the model's registration."""
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


def _run(con: duckdb.DuckDBPyConnection, settings: Settings, step: str, parameters: dict[str, object]) -> None:
    kept = kept_feature_columns(settings)
    context = {
        "settings": settings,
        "kept_feature_columns": kept,
        "category_columns": [column for column in categorical(settings) if column in kept],
        **parameters,
    }
    con.execute(render(_template(step), context))


def keep(con: duckdb.DuckDBPyConnection, version: str) -> None:
    """Writes the frozen reference under its model's name, in the caller's transaction."""
    context = {
        "version": version,
        "reference_days": REFERENCE_DAYS,
        "chi_square_quantiles": _chi_square_quantiles(con),
    }
    con.execute(render(_template("kept"), context))


def _template(step: str) -> Path:
    return sql_folder() / "shared" / f"drift_{step}.sql.jinja"


def _chi_square_quantiles(con: duckdb.DuckDBPyConnection) -> list[float]:
    """Chi-square quantiles by degrees of freedom, from 1, such that all features together seldom exceed theirs."""
    features, bins = con.execute("select count(distinct feature), max(bin) from drift_new_bins").fetchall()[0]
    return [float(chi2.ppf(1 - FALSE_ALARM / features, freedom)) for freedom in range(1, bins + 1)]
