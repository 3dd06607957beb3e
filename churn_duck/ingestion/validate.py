"""Validation: every rule is a view of offending rows, which are counted here."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from churn_duck.errors import ValidationFailed
from churn_duck.warehouse.catalog import execute, rendered, sql_files
from churn_duck.warehouse.store import Warehouse, transaction

# the layer of the rules, and the relations that they read
RULES = "20_checks"
LANDED = ("landed_files", "raw_users", "raw_events", "repeated_events", "quarantine", "landings")


@dataclass(frozen=True)
class Rule:
    """How many rows break one rule; `verdict` is pass, warn or fail."""

    rule: str
    verdict: str
    offences: int
    examples: list[str]


def validate(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> list[Rule]:
    """Applies every rule to the landed rows, failures first; needs no `build` and changes none of its tables."""
    texts = rendered(warehouse.settings, warehouse.raw_files())
    names = {*LANDED, *(file.name for file in sql_files() if file.layer == RULES)}
    with transaction(con):
        for _ in execute(con, {name: text for name, text in texts.items() if name in names}):
            pass
    rows = con.execute(
        "select rule, verdict, offences, coalesce(examples, []) from validation_report order by offences desc, rule"
    ).fetchall()
    order = {"fail": 0, "warn": 1, "pass": 2}
    return sorted((Rule(*row) for row in rows), key=lambda rule: order[rule.verdict])


def require_valid(rules: list[Rule]) -> None:
    """Raises ValidationFailed naming the rules that failed."""
    failed = [f"{rule.rule} ({rule.offences:,})" for rule in rules if rule.verdict == "fail"]
    if failed:
        raise ValidationFailed(f"the data breaks {', '.join(failed)}; churn-duck validate shows examples")
