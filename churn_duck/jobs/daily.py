"""The job of a day, which looks before it learns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from churn_duck.jobs.report import report
from churn_duck.jobs.retrain import Retrained, retrain_if_new
from churn_duck.jobs.run import TOP_SHOWN, Prepared, prepare
from churn_duck.monitoring.drift import Checked, drift
from churn_duck.monitoring.performance import performance
from churn_duck.monitoring.retraining_triggers import Triggers, triggers
from churn_duck.pages.report.content import write_report
from churn_duck.progress import Progress
from churn_duck.scoring.distribution import score_proxy
from churn_duck.scoring.score import Scored, score, top_rows
from churn_duck.warehouse.store import Warehouse


@dataclass(frozen=True)
class Day(Prepared):
    """What each stage of a day had to say; `retrained` None: there was no reason, or nobody asked."""

    scored: Scored
    drift: Checked
    performance: dict[str, Any]
    triggers: Triggers | None
    retrained: Retrained | None
    report: Path
    top: list[dict[str, object]]


def daily(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    as_of: date | None,
    progress: Progress,
    users: str | None = None,
    events: str | None = None,
    retrains: bool = False,
) -> Day:
    """Land, validate, build, score, check for drift, look up what came true, retrain where it is due, write the report.

    Raises: ModelError before the first promotion; ChurnDuckError at the first stage that cannot go on.
    """
    ready = prepare(con, warehouse, as_of, progress, users, events)
    scored = score(con, warehouse, as_of, None, progress)
    score_proxy(con, warehouse)
    checked = drift(con, warehouse, as_of, progress)
    came_true = performance(con, warehouse, as_of, progress)
    asked = triggers(con, warehouse, as_of)
    made = None
    if retrains and asked is not None and asked.due:
        made = retrain_if_new(con, warehouse, as_of, asked.due, progress)
        scored = score(con, warehouse, as_of, None, progress)
    page = write_report(warehouse, report(con, warehouse, as_of, progress))
    top = top_rows(con, scored.as_of_date, TOP_SHOWN)
    return Day(ready.landed, ready.rules, scored, checked, came_true, asked, made, page, top)
