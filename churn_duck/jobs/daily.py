"""The daily job: score, monitor, retrain where it is due, report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from churn_duck.jobs.report import report
from churn_duck.jobs.retrain import Retrained, retrain_if_new
from churn_duck.jobs.run import TOP_SHOWN, Prepared, prepare
from churn_duck.monitoring.drift import Checked, drift
from churn_duck.monitoring.performance import performance
from churn_duck.monitoring.retraining_triggers import Triggers, triggers
from churn_duck.monitoring.rows import PerformanceReport
from churn_duck.pages.report.content import write_report
from churn_duck.progress import Progress
from churn_duck.scoring.distribution import score_proxy
from churn_duck.scoring.score import Scored, score, top_rows
from churn_duck.warehouse.store import Warehouse


@dataclass(frozen=True)
class Day(Prepared):
    """The result of each stage; `retrained` None: not due, not requested, or no new data."""

    scored: Scored
    drift: Checked
    performance: PerformanceReport
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
    """Land, validate, build, score, check for drift, look up outcomes, retrain where it is due, write the report.

    Raises: ModelError before the first promotion; ChurnDuckError at the first stage that fails.
    """
    prepared = prepare(con, warehouse, as_of, progress, users, events)
    scored = score(con, warehouse, as_of, None, progress)
    score_proxy(con, warehouse, scored.as_of_date)
    checked = drift(con, warehouse, as_of, progress)
    realised = performance(con, warehouse, as_of, progress)
    reasons = triggers(con, warehouse, as_of)
    retrained = None
    if retrains and reasons is not None and reasons.due:
        retrained = retrain_if_new(con, warehouse, as_of, reasons.due, progress)
        scored = score(con, warehouse, as_of, None, progress)
    page = write_report(warehouse, report(con, warehouse, as_of, progress))
    top = top_rows(con, scored.as_of_date, TOP_SHOWN)
    return Day(prepared.landed, prepared.rules, scored, checked, realised, reasons, retrained, page, top)
