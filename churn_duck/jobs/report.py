"""The team report after an update of the stored intervals."""

from __future__ import annotations

from datetime import date

import duckdb

from churn_duck.monitoring.drift import see_watched_world
from churn_duck.monitoring.performance import keep_intervals
from churn_duck.pages.report import content
from churn_duck.pages.report.rows import ReportContent
from churn_duck.progress import Progress
from churn_duck.warehouse.store import Warehouse, transaction


def report(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, progress: Progress
) -> ReportContent:
    """Returns the content of the report, with the intervals of all labels that are known by now.

    Raises: WarehouseError when the warehouse is not built.
    """
    see_watched_world(con, warehouse, as_of)
    progress("looking up outcomes")
    with transaction(con):
        keep_intervals(con, warehouse.settings.training.random_state)
    return content.report(con, warehouse, as_of, progress)
