"""The retraining loop: when it is due (`sql/88_retraining_grounds.sql`), what it does, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import duckdb

from churn_duck.config import MODEL_NAMES
from churn_duck.errors import ChurnDuckError, NothingNew
from churn_duck.promote import Decision, promote
from churn_duck.registry import Version, production_name, utc_now
from churn_duck.train import train
from churn_duck.warehouse import Tell, Warehouse, see_world

# reason to its grounds in words
Reasons = Mapping[str, str]


@dataclass(frozen=True)
class Grounds:
    """Every reason with its words; `due` are those that ask, none after a recent training or on doubtful data."""

    said: dict[str, str]
    asking: list[str]
    is_cooling_down: bool
    days_since_training: int
    data_doubts: str | None

    @property
    def due(self) -> dict[str, str]:
        return {} if self.is_cooling_down or self.data_doubts else {reason: self.said[reason] for reason in self.asking}

    def sentence(self) -> str:
        """Why nothing is done, or what is."""
        if not self.asking:
            return f"no reason to retrain: {self.said['schedule']}"
        told = "; ".join(f"{reason} ({self.said[reason]})" for reason in self.asking)
        if self.data_doubts:
            return f"reasons to retrain, but not on data that is itself in doubt ({self.data_doubts} FAILed): {told}"
        if self.is_cooling_down:
            return f"reasons to retrain, but the last training was {self.days_since_training} days ago: {told}"
        return f"retraining: {told}"


@dataclass(frozen=True)
class Retrained:
    """What a retraining came to."""

    as_of_date: date
    reasons: list[str]
    trained: list[Version]
    decision: Decision

    @property
    def outcome(self) -> str:
        return "promoted" if self.decision.promoted else "kept"


def grounds(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None) -> Grounds | None:
    """What `retraining_grounds` says in the world of `as_of`; None before the first promotion.

    It knows of drift and of realised losses what the commands of that name have kept.
    """
    see_world(con, warehouse, as_of, even_if_silent=True)
    rows = con.execute("""
        select reason, is_due, said, is_cooling_down, days_since_training, data_doubts
        from retraining_grounds
        order by reason""").fetchall()
    if not rows:
        return None
    return Grounds({row[0]: row[2] for row in rows}, [row[0] for row in rows if row[1]], *rows[0][3:])


def retrain(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    as_of: date | None,
    reasons: Reasons,
    tell: Tell,
    force: bool = False,
) -> Retrained:
    """Train both models on what is built, let the gate decide, and keep the reasons and the outcome in `retrainings`.

    Raises: NothingNew on data that both have learned from, unless `force`; ChurnDuckError as training and gate do.
    """
    end = see_world(con, warehouse, as_of)
    trained: list[Version] = []
    try:
        trained = train(con, warehouse, MODEL_NAMES, as_of, tell, force)
        tell("comparing the models")
        decision = promote(con, warehouse, as_of, tell)
    except ChurnDuckError as error:
        outcome = "nothing_new" if isinstance(error, NothingNew) else "failed"
        _keep(con, warehouse, end, reasons, trained, outcome, str(error))
        raise
    made = Retrained(end, list(reasons), trained, decision)
    _keep(con, warehouse, end, reasons, trained, made.outcome, decision.reason)
    return made


def _keep(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    end: date,
    reasons: Reasons,
    trained: list[Version],
    outcome: str,
    decided: str,
) -> None:
    con.execute(
        "insert into retrainings values (?, ?, ?, ?, ?, ?, ?, ?, (select data_hash from params))",
        [
            utc_now(),
            end,
            list(reasons),
            "; ".join(reasons.values()),
            outcome,
            [version.model_version for version in trained],
            production_name(con, warehouse),
            decided,
        ],
    )
