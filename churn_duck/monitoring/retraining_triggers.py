"""The reasons to retrain, from the view `retraining_triggers`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import duckdb

from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.store import Warehouse

# reason to its message
Reasons = Mapping[str, str]


@dataclass(frozen=True)
class Triggers:
    """Every reason with its message; `asking` are those that apply, `due` those that may be acted on."""

    message: dict[str, str]
    asking: list[str]
    is_cooling_down: bool
    days_since_training: int
    data_doubts: str | None

    @property
    def due(self) -> dict[str, str]:
        """The reasons that apply; none soon after a training or while data checks fail."""
        if self.is_cooling_down or self.data_doubts:
            return {}
        return {reason: self.message[reason] for reason in self.asking}

    def sentence(self) -> str:
        """Returns whether a retraining is due, and why or why not."""
        if not self.asking:
            return f"no reason to retrain: {self.message['schedule']}"
        reasons = "; ".join(f"{reason} ({self.message[reason]})" for reason in self.asking)
        if self.data_doubts:
            return f"retraining is due, but data checks failed: {self.data_doubts}; reasons: {reasons}"
        if self.is_cooling_down:
            return (
                f"retraining is due, but the last training was {self.days_since_training} days ago; reasons: {reasons}"
            )
        return f"retraining is due: {reasons}"


def triggers(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None) -> Triggers | None:
    """Returns the reasons to retrain as of `as_of`; None before the first promotion.

    Reads what `drift` and `performance` have stored.
    """
    set_as_of_date(con, warehouse, as_of, even_if_silent=True)
    rows = con.execute("""
        select reason, is_due, message, is_cooling_down, days_since_training, data_doubts
        from retraining_triggers
        order by reason""").fetchall()
    if not rows:
        return None
    messages = {reason: message for reason, _, message, *_ in rows}
    asking = [reason for reason, is_due, *_ in rows if is_due]
    _, _, _, is_cooling_down, days_since_training, data_doubts = rows[0]
    return Triggers(messages, asking, is_cooling_down, days_since_training, data_doubts)
