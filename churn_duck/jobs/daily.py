"""The job of a day, which looks before it learns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from churn_duck.jobs.retrain import Retrained, retrain_if_new
from churn_duck.jobs.run import TOP_SHOWN, Prepared, prepare
from churn_duck.monitoring.drift import Checked, drift
from churn_duck.monitoring.performance import performance
from churn_duck.monitoring.retraining_triggers import Grounds, grounds
from churn_duck.pages.report.content import report, write_report
from churn_duck.progress import Tell
from churn_duck.scoring.distribution import score_proxy
from churn_duck.scoring.score import Scored, score, top_rows
from churn_duck.warehouse.store import Warehouse


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
        made = retrain_if_new(con, warehouse, as_of, asked.due, tell)
        scored = score(con, warehouse, as_of, None, tell)
    page = write_report(warehouse, report(con, warehouse, as_of, tell))
    top = top_rows(con, scored.as_of_date, TOP_SHOWN)
    return Day(ready.landed, ready.rules, scored, checked, came_true, asked, made, page, top)
