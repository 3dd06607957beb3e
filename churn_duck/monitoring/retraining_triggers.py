"""When a retraining is due (`sql/70_monitoring/retraining_triggers`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import duckdb

from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.store import Warehouse

# reason to its triggers in words
Reasons = Mapping[str, str]


@dataclass(frozen=True)
class Triggers:
    """Every reason with its words; `due` are those that ask, none after a recent training or on doubtful data."""

    message: dict[str, str]
    asking: list[str]
    is_cooling_down: bool
    days_since_training: int
    data_doubts: str | None

    @property
    def due(self) -> dict[str, str]:
        return (
            {} if self.is_cooling_down or self.data_doubts else {reason: self.message[reason] for reason in self.asking}
        )

    def sentence(self) -> str:
        """Why nothing is done, or what is."""
        if not self.asking:
            return f"no reason to retrain: {self.message['schedule']}"
        told = "; ".join(f"{reason} ({self.message[reason]})" for reason in self.asking)
        if self.data_doubts:
            return f"reasons to retrain, but not on data that is itself in doubt ({self.data_doubts} FAILed): {told}"
        if self.is_cooling_down:
            return f"reasons to retrain, but the last training was {self.days_since_training} days ago: {told}"
        return f"retraining: {told}"


def triggers(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None) -> Triggers | None:
    """What `retraining_triggers` says in the world of `as_of`; None before the first promotion.

    It knows of drift and of realised losses what the commands of that name have kept.
    """
    set_as_of_date(con, warehouse, as_of, even_if_silent=True)
    rows = con.execute("""
        select reason, is_due, message, is_cooling_down, days_since_training, data_doubts
        from retraining_triggers
        order by reason""").fetchall()
    if not rows:
        return None
    return Triggers({row[0]: row[2] for row in rows}, [row[0] for row in rows if row[1]], *rows[0][3:])
