"""Retraining: train both models, let the gate decide, record the outcome in `retrainings`."""

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
    """The result of a retraining."""

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
    """Train both models on the built data, let the gate decide, and record reasons and outcome in `retrainings`.

    Raises: NothingNew when both were trained on this data before, unless `force`; ChurnDuckError as training and gate
    do.
    """
    end = set_as_of_date(con, warehouse, as_of)
    trained: list[Version] = []
    try:
        trained = train(con, warehouse, MODEL_NAMES, as_of, progress, force)
        progress("comparing the models")
        decision = promote(con, warehouse, as_of, progress)
    except ChurnDuckError as error:
        outcome = "no_new_data" if isinstance(error, NothingNew) else "failed"
        _record(con, warehouse, end, reasons, trained, outcome, str(error))
        raise
    retrained = Retrained(end, list(reasons), trained, decision)
    _record(con, warehouse, end, reasons, trained, retrained.outcome, decision.reason)
    return retrained


def _record(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    end: date,
    reasons: Reasons,
    trained: list[Version],
    outcome: str,
    decision: str,
) -> None:
    con.execute(
        """insert into retrainings by name
        select
            cast($retrained_at as timestamp) as retrained_at,
            cast($as_of_date as date) as as_of_date,
            cast($reasons as varchar[]) as reasons,
            $message as message,
            $outcome as outcome,
            cast($challengers as varchar[]) as challengers,
            $production as production,
            $decided as decided,
            params.data_hash
        from params""",
        {
            "retrained_at": utc_now(),
            "as_of_date": end,
            "reasons": list(reasons),
            "message": "; ".join(reasons.values()),
            "outcome": outcome,
            "challengers": [version.model_version for version in trained],
            "production": production_name(con, warehouse),
            "decided": decision,
        },
    )


def retrain_if_new(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, reasons: Reasons, progress: Progress
) -> Retrained | None:
    """Retrain; None where both models were trained on this data before."""
    try:
        return retrain(con, warehouse, as_of, reasons, progress)
    except NothingNew:
        return None


def retrain_on_drift(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, progress: Progress
) -> tuple[Triggers | None, Retrained | None]:
    """Retrain on the built data and score with the production model, where the stored drift verdicts require it.

    Raises: ChurnDuckError as training, gate and scoring do.
    """
    current = triggers(con, warehouse, as_of)
    if current is None or "drift" not in current.due:
        return current, None
    retrained = retrain_if_new(con, warehouse, as_of, current.due, progress)
    score(con, warehouse, as_of, None, progress)
    return current, retrained


@dataclass(frozen=True)
class Renewed(Prepared):
    """The result of a retraining job; `retrained` None: not due, or `no_new_data` says why."""

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
    """Land, validate, build, train both, let the gate decide, and score; `reasons` None: only when it is due.

    Raises: NothingNew when both models were trained on this data before, unless `force`, or `if_new`, which counts that
    as success; ChurnDuckError as the stages do.
    """
    prepared = prepare(con, warehouse, as_of, progress, users, events)
    current = None
    if reasons is None:
        drift(con, warehouse, as_of, progress)
        performance(con, warehouse, as_of, progress)
        current = triggers(con, warehouse, as_of)
        reasons = current.due if current is not None else {}
        if not reasons:
            return Renewed(prepared.landed, prepared.rules, current)
    try:
        retrained = retrain(con, warehouse, as_of, reasons, progress, force)
    except NothingNew as error:
        if not if_new:
            raise
        return Renewed(prepared.landed, prepared.rules, current, no_new_data=str(error))
    scored = score(con, warehouse, as_of, None, progress)
    return Renewed(prepared.landed, prepared.rules, current, retrained, scored)
