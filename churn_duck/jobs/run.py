"""The main job: land, build, train, promote, score and publish."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb

from churn_duck.errors import NothingNew
from churn_duck.evaluation.promote import Decision, promote
from churn_duck.ingestion.land import Landed, land_configured, land_sources
from churn_duck.ingestion.validate import Rule, require_valid, validate
from churn_duck.model.registry import Version
from churn_duck.progress import Progress
from churn_duck.scoring.score import Scored, score, top_rows
from churn_duck.serving.publish import publish
from churn_duck.settings.config import MODEL_NAMES
from churn_duck.training.preconditions import same_models
from churn_duck.training.train import train
from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.build import build
from churn_duck.warehouse.store import Warehouse

TOP_SHOWN = 10


@dataclass(frozen=True)
class Prepared:
    """The landings, and the validation rules with their results."""

    landed: list[Landed]
    rules: list[Rule]


@dataclass(frozen=True)
class Ran(Prepared):
    """The result of each stage of a run."""

    trained: list[Version]
    decision: Decision
    scored: Scored
    top: list[dict[str, object]]


def prepare(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    as_of: date | None,
    progress: Progress,
    users: str | None = None,
    events: str | None = None,
) -> Prepared:
    """Land the given files, or else the configured sources, validate, and build.

    Raises: LandingError, ValidationFailed, WarehouseError; completed stages are kept.
    """
    given = users is not None or events is not None
    landed = land_sources(warehouse, users, events, progress) if given else land_configured(warehouse, progress)
    progress("validating")
    rules = validate(con, warehouse)
    require_valid(rules)
    for name in build(con, warehouse, as_of):
        progress(f"building {name}")
    return Prepared(landed, rules)


def run(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    as_of: date | None,
    top_k: int | None,
    progress: Progress,
    force: bool = False,
) -> Ran:
    """Land, validate, build, train, promote, score and publish; without new data train only with `force`.

    Raises: ChurnDuckError at the first stage that fails; completed stages are kept.
    """
    prepared = prepare(con, warehouse, as_of, progress)
    trained = _trained(con, warehouse, as_of, progress, force)
    progress("comparing the models")
    decision = promote(con, warehouse, as_of, progress)
    scored = score(con, warehouse, as_of, top_k, progress)
    publish(con, warehouse, as_of, progress)
    top = top_rows(con, scored.as_of_date, TOP_SHOWN)
    return Ran(prepared.landed, prepared.rules, trained, decision, scored, top)


def _trained(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, progress: Progress, force: bool
) -> list[Version]:
    try:
        return train(con, warehouse, MODEL_NAMES, as_of, progress, force)
    except NothingNew:
        return same_models(con, warehouse, MODEL_NAMES, set_as_of_date(con, warehouse, as_of))
