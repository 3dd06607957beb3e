"""Preconditions of a training: enough days to train on some and test on later ones, and new data."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb

from churn_duck.errors import HistoryTooShort, NothingNew
from churn_duck.model.registry import Version, versions
from churn_duck.settings.config import ModelName, Settings
from churn_duck.warehouse.store import Warehouse


def days_needed(settings: Settings) -> int:
    """Returns the days of events for one training and one test snapshot: look-back, label, purge and label again."""
    step, horizon = settings.training.snapshot_every_days, settings.churn.window_days
    dates = 2
    while (dates - max(1, int(settings.training.test_size * dates))) * step <= horizon:
        dates += 1
    return max(settings.features.windows_days) + (dates - 1) * step + horizon


def require_history(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Raises HistoryTooShort when the split would leave nothing to train or test on."""
    splits = {row[0] for row in con.execute("select distinct split from training_snapshots").fetchall()}
    if {"train", "test"} <= splits:
        return
    first, last, days = con.execute(
        "select first_event_date, as_of_date, date_diff('day', first_event_date, as_of_date) + 1 from period"
    ).fetchall()[0]
    raise HistoryTooShort(
        f"{days} days of events ({first} to {last}) are too few: windows of {max(settings.features.windows_days)} days "
        f"and labels of {settings.churn.window_days} days need {days_needed(settings)} days; land more history, "
        "or shorten features.windows_days or churn.window_days"
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
