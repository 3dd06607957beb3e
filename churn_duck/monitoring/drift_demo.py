"""A demonstration of drift: a copy of the day's rows, changed in memory and compared with the same reference."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import duckdb

from churn_duck.monitoring.drift import Checked, check, verdicts
from churn_duck.progress import Progress
from churn_duck.settings.config import Settings
from churn_duck.settings.view_columns import RECENCY, kept_feature_columns
from churn_duck.warehouse.catalog import execute, rendered
from churn_duck.warehouse.query import quoted
from churn_duck.warehouse.store import Warehouse

VIEWS = ("drift_shares", "drift_psi", "drift_volume")


@dataclass(frozen=True)
class Shown:
    """The same day before and after, and the columns that were multiplied."""

    strength: float
    columns: list[str]
    before: Checked
    after: Checked


def demo_drift(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, strength: float, progress: Progress
) -> Shown:
    """Check the day, then a copy of it with one measure multiplied by `strength`; nothing is stored.

    Raises: ModelError as `drift` does.
    """
    before = check(con, warehouse, as_of, progress)
    columns = shifted_columns(warehouse.settings)
    progress(f"multiplying {', '.join(columns)} by {strength:g} in a copy")
    changes = ", ".join(f"{name} * {strength!r} as {name}" for name in columns)
    with instead(con, warehouse, f"select * replace ({changes}) from scoring_dataset"):
        after = Checked(before.as_of_date, before.model_version, verdicts(con, warehouse))
    return Shown(strength, columns, before, after)


def shifted_columns(settings: Settings) -> list[str]:
    """Returns the windows of the first summed measure, else of the event count; where none is a feature, recency."""
    kept = kept_feature_columns(settings)
    for name in (*(measure.name for measure in settings.measures if measure.aggregate == "sum"), "events"):
        windows = [f"{name}_{days}d" for days in settings.features.windows_days]
        columns = [column for column in windows if column in kept]
        if columns:
            return columns
    return [RECENCY]


@contextmanager
def instead(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, rows: str) -> Iterator[None]:
    """Let the drift views read the query `rows` as `scoring_dataset`, in an attached in-memory database."""
    live = con.execute("select current_database()").fetchall()[0][0]
    texts = rendered(warehouse.settings, warehouse.raw_files())
    con.execute("attach ':memory:' as drifted")
    try:
        con.execute(f"create table drifted.scoring_dataset as {rows}")
        con.execute(f"set search_path = 'drifted.main,{quoted(live)}.main'")
        for _ in execute(con, {name: texts[name] for name in VIEWS}):
            pass
        yield
    finally:
        con.execute(f"set search_path = '{quoted(live)}.main'")
        con.execute("detach drifted")
