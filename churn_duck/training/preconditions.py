"""Whether training makes sense: a day with a label, and something new since the last training."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb

from churn_duck.errors import HistoryTooShort, NothingNew
from churn_duck.model.registry import Version, versions
from churn_duck.settings.config import ModelName, Settings
from churn_duck.warehouse.store import Warehouse


def days_needed(settings: Settings) -> int:
    """Days of events for one training day: itself, and those that its label waits for."""
    return 1 + settings.churn.lead_days + settings.churn.window_days


def require_history(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Raises HistoryTooShort when no day has a label yet."""
    if con.execute("select count(*) from training_snapshots").fetchall()[0][0]:
        return
    first, last, days = con.execute(
        "select first_event_date, as_of_date, date_diff('day', first_event_date, as_of_date) + 1 from period"
    ).fetchall()[0]
    gaps = con.execute("select coalesce(sum(gap_days), 0) from logging_gaps").fetchall()[0][0]
    unrecorded = f", {gaps} of them without recorded events (see the view logging_gaps)," if gaps else ""
    raise HistoryTooShort(
        f"{days} days of events ({first} to {last}){unrecorded} have no label: labels of {settings.churn.window_days} "
        f"days need {days_needed(settings)} days; land more history, or shorten churn.window_days"
    )


def same_models(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, names: tuple[ModelName, ...], end: date
) -> list[Version]:
    """Returns the newest version of each name that was trained on the same data, SQL, settings and as-of date."""
    settings = deciding_settings(warehouse.settings)
    known = [
        version
        for version in versions(
            con,
            warehouse,
            f"as_of_date = '{end}' and (data_hash, sql_hash) in (select (data_hash, sql_hash) from params)",
        )
        if version.metrics.get("settings") == settings
    ]
    newest = {version.model: version for version in reversed(known)}
    return [newest[name] for name in names if name in newest]


def require_new(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, names: tuple[ModelName, ...], end: date) -> None:
    """Raises NothingNew when all of the models are already registered."""
    same = same_models(con, warehouse, names, end)
    if len(same) == len(names):
        raise NothingNew(
            f"{', '.join(version.model_version for version in same)}: already trained on the same data with the same "
            f"settings, as of {end}; land new files, or train --force"
        )


def deciding_settings(settings: Settings) -> dict[str, Any]:
    """Returns the settings that a model depends on, besides the data and the SQL."""
    sections = settings.model_dump(include={"features", "churn", "population", "training", "calibration"})
    return dict(sections)
