"""Whether there are days enough to train on some and to test on later ones."""

from __future__ import annotations

import duckdb

from churn_duck.config import Settings
from churn_duck.errors import HistoryTooShort


def days_needed(settings: Settings) -> int:
    """Days of events for one training and one test snapshot: look-back, label, purge and label again."""
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
