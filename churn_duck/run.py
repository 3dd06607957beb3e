"""The whole main job: what has landed becomes a ranked list; and the job of a day, which looks before it learns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from churn_duck.build import build
from churn_duck.checks import Rule, require_valid, validate
from churn_duck.config import MODEL_NAMES
from churn_duck.drift import Checked, drift
from churn_duck.errors import NothingNew
from churn_duck.history import same_models
from churn_duck.land import Landed, land_configured, land_sources
from churn_duck.performance import performance
from churn_duck.promote import Decision, promote
from churn_duck.proxy import score_proxy
from churn_duck.publish import publish
from churn_duck.registry import Version
from churn_duck.report import report, write_report
from churn_duck.retraining import Grounds, Reasons, Retrained, grounds, retrain
from churn_duck.score import Scored, score, top_rows
from churn_duck.train import train
from churn_duck.warehouse import Tell, Warehouse, see_world

TOP_SHOWN = 10


@dataclass(frozen=True)
class Prepared:
    """What has landed, and what the rules say of it."""

    landed: list[Landed]
    rules: list[Rule]


@dataclass(frozen=True)
class Ran(Prepared):
    """What each stage of a run had to say."""

    trained: list[Version]
    decision: Decision
    scored: Scored
    top: list[dict[str, object]]


@dataclass(frozen=True)
class Day(Prepared):
    """What each stage of a day had to say; `retrained` None: there was no reason, or nobody asked."""

    scored: Scored
    drift: Checked
    performance: dict[str, Any]
    grounds: Grounds | None
    retrained: Retrained | None
    report: Path
    top: list[dict[str, object]]


def prepare(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    as_of: date | None,
    tell: Tell,
    users: str | None = None,
    events: str | None = None,
) -> Prepared:
    """Land the given files, or else the configured sources, validate, and build.

    Raises: LandingError, ValidationFailed, WarehouseError; the stages before stay done.
    """
    given = users is not None or events is not None
    landed = land_sources(warehouse, users, events, tell) if given else land_configured(warehouse, tell)
    tell("validating")
    rules = validate(con, warehouse)
    require_valid(rules)
    for name in build(con, warehouse, as_of):
        tell(f"building {name}")
    return Prepared(landed, rules)


def run(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    as_of: date | None,
    top_k: int | None,
    tell: Tell,
    force: bool = False,
) -> Ran:
    """Land, validate, build, train, promote, score and publish; train anew only on new data, or `force`.

    Raises: ChurnDuckError at the first stage that cannot go on; the stages before it stay done.
    """
    ready = prepare(con, warehouse, as_of, tell)
    trained = _trained(con, warehouse, as_of, tell, force)
    tell("comparing the models")
    decision = promote(con, warehouse, as_of, tell)
    scored = score(con, warehouse, as_of, top_k, tell)
    publish(con, warehouse, as_of, tell)
    top = top_rows(con, scored.as_of_date, TOP_SHOWN)
    return Ran(ready.landed, ready.rules, trained, decision, scored, top)


def _trained(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, tell: Tell, force: bool
) -> list[Version]:
    try:
        return train(con, warehouse, MODEL_NAMES, as_of, tell, force)
    except NothingNew:
        return same_models(con, warehouse, MODEL_NAMES, see_world(con, warehouse, as_of))


def daily(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    as_of: date | None,
    tell: Tell,
    users: str | None = None,
    events: str | None = None,
    retrains: bool = False,
) -> Day:
    """Land, validate, build, score, check for drift, look up what came true, retrain where it is due, write the report.

    Raises: ModelError before the first promotion; ChurnDuckError at the first stage that cannot go on.
    """
    ready = prepare(con, warehouse, as_of, tell, users, events)
    scored = score(con, warehouse, as_of, None, tell)
    score_proxy(con, warehouse)
    checked = drift(con, warehouse, as_of, tell)
    came_true = performance(con, warehouse, as_of, tell)
    asked = grounds(con, warehouse, as_of)
    made = None
    if retrains and asked is not None and asked.due:
        made = _retrained(con, warehouse, as_of, asked.due, tell)
        scored = score(con, warehouse, as_of, None, tell)
    page = write_report(warehouse, report(con, warehouse, as_of, tell))
    top = top_rows(con, scored.as_of_date, TOP_SHOWN)
    return Day(ready.landed, ready.rules, scored, checked, came_true, asked, made, page, top)


def _retrained(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, reasons: Reasons, tell: Tell
) -> Retrained | None:
    """None where both models have learned from this data before."""
    try:
        return retrain(con, warehouse, as_of, reasons, tell)
    except NothingNew:
        return None


def retrain_on_drift(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, tell: Tell
) -> tuple[Grounds | None, Retrained | None]:
    """Retrain on what is built and score with the winner, where the kept verdicts of the day ask for it.

    Raises: ChurnDuckError as training, gate and scoring do.
    """
    asked = grounds(con, warehouse, as_of)
    if asked is None or "drift" not in asked.due:
        return asked, None
    made = _retrained(con, warehouse, as_of, asked.due, tell)
    score(con, warehouse, as_of, None, tell)
    return asked, made


@dataclass(frozen=True)
class Renewed(Prepared):
    """What a retraining by itself had to say; `retrained` None: it was not due, or `nothing_new` says why."""

    grounds: Grounds | None
    retrained: Retrained | None = None
    scored: Scored | None = None
    nothing_new: str | None = None


def renew(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    as_of: date | None,
    reasons: Reasons | None,
    tell: Tell,
    users: str | None = None,
    events: str | None = None,
    force: bool = False,
    if_new: bool = False,
) -> Renewed:
    """Land, validate, build, train both, let the gate decide, and score; `reasons` None: only where it is due.

    Raises: NothingNew on data that both models have learned from, unless `force`, or `if_new`, which takes that for a
    good end; ChurnDuckError as the stages do.
    """
    ready = prepare(con, warehouse, as_of, tell, users, events)
    asked = None
    if reasons is None:
        drift(con, warehouse, as_of, tell)
        performance(con, warehouse, as_of, tell)
        asked = grounds(con, warehouse, as_of)
        reasons = asked.due if asked is not None else {}
        if not reasons:
            return Renewed(ready.landed, ready.rules, asked)
    try:
        made = retrain(con, warehouse, as_of, reasons, tell, force)
    except NothingNew as error:
        if not if_new:
            raise
        return Renewed(ready.landed, ready.rules, asked, nothing_new=str(error))
    scored = score(con, warehouse, as_of, None, tell)
    return Renewed(ready.landed, ready.rules, asked, made, scored)
