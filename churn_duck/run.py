"""The whole main job: what has landed becomes a ranked list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb

from churn_duck.build import build
from churn_duck.checks import Rule, require_valid, validate
from churn_duck.config import MODEL_NAMES
from churn_duck.errors import NothingNew
from churn_duck.history import same_models
from churn_duck.land import Landed, land_configured
from churn_duck.promote import Decision, promote
from churn_duck.publish import publish
from churn_duck.registry import Version
from churn_duck.score import Scored, score, top_rows
from churn_duck.train import train
from churn_duck.warehouse import Tell, Warehouse, see_world


@dataclass(frozen=True)
class Ran:
    """What each stage of a run had to say."""

    landed: list[Landed]
    rules: list[Rule]
    trained: list[Version]
    decision: Decision
    scored: Scored
    top: list[dict[str, object]]


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
    landed = land_configured(warehouse, tell)
    tell("validating")
    rules = validate(con, warehouse)
    require_valid(rules)
    for name in build(con, warehouse, as_of):
        tell(f"building {name}")
    trained = _trained(con, warehouse, as_of, tell, force)
    tell("comparing the models")
    decision = promote(con, warehouse, as_of, tell)
    scored = score(con, warehouse, as_of, top_k, tell)
    publish(con, warehouse, as_of, tell)
    return Ran(landed, rules, trained, decision, scored, top_rows(con, scored.as_of_date, 10))


def _trained(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, tell: Tell, force: bool
) -> list[Version]:
    try:
        return train(con, warehouse, MODEL_NAMES, as_of, tell, force)
    except NothingNew:
        return same_models(con, warehouse, MODEL_NAMES, see_world(con, warehouse, as_of))
