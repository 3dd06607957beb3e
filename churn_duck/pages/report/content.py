"""The weekly page of the team: who is at risk, why that moved, and whether data and model can still be believed.

Figures come from SQL views; here they are only gathered. The page ends on the evening of its date, like every command.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from churn_duck.model.registry import production
from churn_duck.monitoring.drift import see_watched_world
from churn_duck.monitoring.performance import keep_intervals
from churn_duck.pages.report import text as words
from churn_duck.pages.report.page import page
from churn_duck.progress import Progress
from churn_duck.warehouse.files import write_text
from churn_duck.warehouse.query import literal, records
from churn_duck.warehouse.store import Warehouse, transaction

VOLUME_DAYS = 56


def write_report(warehouse: Warehouse, content: dict[str, Any], out: Path | None = None) -> Path:
    """Write the page to `out`, or among the reports under its date, and as the latest; the path."""
    text = page(content)
    path = out or warehouse.reports / f"report_{content['as_of_date']}.html"
    for place in (path, warehouse.reports / "report_latest.html"):
        write_text(place, text)
    return path


def report(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, progress: Progress
) -> dict[str, Any]:
    """The content of the page, JSON-ready; what is not there yet is empty, and the page says how to fill it.

    Raises: WarehouseError when the warehouse is not built.
    """
    end = see_watched_world(con, warehouse, as_of)
    progress("looking up what came true")
    with transaction(con):
        keep_intervals(con, warehouse.settings.training.random_state)
    progress("gathering the report")
    current = production(con, warehouse)
    found = {
        "as_of_date": end,
        "is_invented": warehouse.is_invented,
        "production": current.model_version if current else None,
        "scored": _scored(con, end),
        **_settings(warehouse),
        **_risks(con, warehouse, end),
        "drift": records(
            con,
            "from drift_history where as_of_date <= ? order by as_of_date, severity desc, psi desc nulls last, name",
            [end],
        ),
        "performance": records(
            con, "from performance_history where as_of_date <= ? order by as_of_date, metric", [end]
        ),
        "health": _health(con),
    }
    return {**found, "headlines": words.headlines(found), "empty": words.empty(found), "notes": words.notes(found)}


def _settings(warehouse: Warehouse) -> dict[str, Any]:
    settings = warehouse.settings
    return {
        "churn_window_days": settings.churn.window_days,
        "active_within_days": settings.population.active_within_days,
        "high_risk_threshold": settings.scoring.high_risk_threshold,
        # flags and numbers say little without their names
        "words": [one.name for one in settings.users.attributes if one.shown and one.type == "category"],
    }


def _scored(con: duckdb.DuckDBPyConnection, end: date) -> dict[str, Any] | None:
    """The newest scored day of this world."""
    days = records(con, "from scored_days where as_of_date <= ? order by as_of_date desc limit 1", [end])
    return days[0] if days else None


def _risks(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, end: date) -> dict[str, Any]:
    """The list, the bands and what moved, all of the newest scored day."""
    scored = _scored(con, end)
    if scored is None:
        return {"ranked": [], "bands": [], "moves": [], "riser_reasons": []}
    day = scored["as_of_date"]
    return {
        "ranked": _ranked(con, day, warehouse.settings.scoring.top_k),
        "bands": records(con, "from risk_bands where as_of_date <= ? order by as_of_date, place", [day]),
        "moves": records(con, "from band_moves where as_of_date = ? order by all", [day]),
        "riser_reasons": records(
            con, "from riser_reasons where as_of_date = ? order by rising_users desc, feature", [day]
        ),
    }


def _ranked(con: duckdb.DuckDBPyConnection, day: date, limit: int) -> list[dict[str, Any]]:
    """The users most at risk, with where they stood on the scored day before."""
    return records(
        con,
        f"""select ranked.*, moves.earlier_rank, moves.earlier_risk, banded.band
        from ranked_users(date {literal(day)}) as ranked
        inner join banded_predictions as banded using (user_id, as_of_date)
        left join user_moves as moves using (user_id, as_of_date)
        where banded.as_of_date = date {literal(day)} and ranked.risk_rank <= {int(limit)}
        order by ranked.risk_rank""",
    )


def _health(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    # the last event that this world has seen: period knows later ones too
    (seen,) = records(con, "select max(as_of_date) as last_event_date from daily_volume where total_events > 0")
    return {
        **seen,
        "landings": records(con, "from landings_summary order by landing desc, source_table"),
        "days": records(
            con, f"from (from daily_volume order by as_of_date desc limit {VOLUME_DAYS}) order by as_of_date"
        ),
        "rules": records(con, "from validation_report order by rule"),
        "runs": records(con, "from newest_runs order by started_at desc"),
    }
