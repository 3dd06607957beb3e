"""The retraining loop: when it is due (`sql/88_retraining_grounds.sql`), what it does, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb

from churn_duck.errors import ChurnDuckError, NothingNew
from churn_duck.evaluation.promote import Decision, promote
from churn_duck.jobs.run import Prepared, prepare
from churn_duck.model.registry import Version, production_name
from churn_duck.monitoring.drift import drift
from churn_duck.monitoring.performance import performance
from churn_duck.monitoring.retraining_triggers import Reasons, Triggers, triggers
from churn_duck.progress import Progress
from churn_duck.scoring.score import Scored, score
from churn_duck.settings.config import MODEL_NAMES
from churn_duck.training.train import train
from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.store import Warehouse, utc_now


@dataclass(frozen=True)
class Retrained:
    """What a retraining came to."""

    as_of_date: date
    reasons: list[str]
    trained: list[Version]
    decision: Decision

    @property
    def outcome(self) -> str:
        return "promoted" if self.decision.promoted else "not_promoted"


def retrain(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    as_of: date | None,
    reasons: Reasons,
    progress: Progress,
    force: bool = False,
) -> Retrained:
    """Train both models on what is built, let the gate decide, and keep the reasons and the outcome in `retrainings`.

    Raises: NothingNew on data that both have learned from, unless `force`; ChurnDuckError as training and gate do.
    """
    end = set_as_of_date(con, warehouse, as_of)
    trained: list[Version] = []
    try:
        trained = train(con, warehouse, MODEL_NAMES, as_of, progress, force)
        progress("comparing the models")
        decision = promote(con, warehouse, as_of, progress)
    except ChurnDuckError as error:
        outcome = "no_new_data" if isinstance(error, NothingNew) else "failed"
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


def retrain_if_new(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, reasons: Reasons, progress: Progress
) -> Retrained | None:
    """None where both models have learned from this data before."""
    try:
        return retrain(con, warehouse, as_of, reasons, progress)
    except NothingNew:
        return None


def retrain_on_drift(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, progress: Progress
) -> tuple[Triggers | None, Retrained | None]:
    """Retrain on what is built and score with the winner, where the kept verdicts of the day ask for it.

    Raises: ChurnDuckError as training, gate and scoring do.
    """
    asked = triggers(con, warehouse, as_of)
    if asked is None or "drift" not in asked.due:
        return asked, None
    made = retrain_if_new(con, warehouse, as_of, asked.due, progress)
    score(con, warehouse, as_of, None, progress)
    return asked, made


@dataclass(frozen=True)
class Renewed(Prepared):
    """What a retraining by itself had to say; `retrained` None: it was not due, or `no_new_data` says why."""

    triggers: Triggers | None
    retrained: Retrained | None = None
    scored: Scored | None = None
    no_new_data: str | None = None


def renew(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    as_of: date | None,
    reasons: Reasons | None,
    progress: Progress,
    users: str | None = None,
    events: str | None = None,
    force: bool = False,
    if_new: bool = False,
) -> Renewed:
    """Land, validate, build, train both, let the gate decide, and score; `reasons` None: only where it is due.

    Raises: NothingNew on data that both models have learned from, unless `force`, or `if_new`, which takes that for a
    good end; ChurnDuckError as the stages do.
    """
    ready = prepare(con, warehouse, as_of, progress, users, events)
    asked = None
    if reasons is None:
        drift(con, warehouse, as_of, progress)
        performance(con, warehouse, as_of, progress)
        asked = triggers(con, warehouse, as_of)
        reasons = asked.due if asked is not None else {}
        if not reasons:
            return Renewed(ready.landed, ready.rules, asked)
    try:
        made = retrain(con, warehouse, as_of, reasons, progress, force)
    except NothingNew as error:
        if not if_new:
            raise
        return Renewed(ready.landed, ready.rules, asked, no_new_data=str(error))
    scored = score(con, warehouse, as_of, None, progress)
    return Renewed(ready.landed, ready.rules, asked, made, scored)
