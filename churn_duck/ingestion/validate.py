"""Validation: every rule is a view of offending rows; this counts them."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from churn_duck.errors import ValidationFailed
from churn_duck.warehouse.catalog import execute, rendered, sql_files
from churn_duck.warehouse.store import Warehouse, transaction

# the rules, and what is landed, which they read
RULES = "20_checks"
LANDED = ("landed_files", "raw_users", "raw_events", "repeated_events", "quarantine", "landings")


@dataclass(frozen=True)
class Rule:
    """How often one rule was broken; `verdict` is pass, warn or fail."""

    rule: str
    verdict: str
    offences: int
    examples: list[str]


def validate(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> list[Rule]:
    """Every rule over what has landed, failures first; works before `build` and leaves its tables alone."""
    texts = rendered(warehouse.settings, warehouse.raw_files())
    wanted = {*LANDED, *(file.name for file in sql_files() if file.layer == RULES)}
    with transaction(con):
        for _ in execute(con, {name: text for name, text in texts.items() if name in wanted}):
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
