"""The team report: who is at risk, why that changed, and whether data and model can be trusted.

Figures come from SQL views and are only gathered here. The report shows the state at its as-of date.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, cast

import duckdb

from churn_duck.model.registry import production
from churn_duck.monitoring.drift import see_watched_world
from churn_duck.pages.report import text as words
from churn_duck.pages.report.page import page
from churn_duck.pages.report.rows import Gathered, Health, ReportContent, ScoredDay
from churn_duck.progress import Progress
from churn_duck.warehouse.files import write_text
from churn_duck.warehouse.query import literal, records
from churn_duck.warehouse.store import Warehouse

VOLUME_DAYS = 56


def write_report(warehouse: Warehouse, content: ReportContent, out: Path | None = None) -> Path:
    """Write the page to `out`, or among the reports under its date, and as the latest; returns the path."""
    text = page(content)
    path = out or warehouse.reports / f"report_{content['as_of_date']}.html"
    for place in (path, warehouse.reports / "report_latest.html"):
        write_text(place, text)
    return path


def report(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, progress: Progress
) -> ReportContent:
    """Returns the content of the page, JSON-ready; the page says how to fill empty sections.

    Intervals of realised performance are those that `performance` has stored.
    Raises: WarehouseError when the warehouse is not built.
    """
    end = see_watched_world(con, warehouse, as_of)
    progress("gathering the report")
    current = production(con, warehouse)
    figures: dict[str, Any] = {
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
    gathered = cast(Gathered, figures)
    return {
        **gathered,
        "headlines": words.headlines(gathered),
        "empty": words.empty(gathered),
        "notes": words.notes(gathered),
    }


def _settings(warehouse: Warehouse) -> dict[str, Any]:
    settings = warehouse.settings
    return {
        "churn_window_days": settings.churn.window_days,
        "active_within_days": settings.population.active_within_days,
        "high_risk_threshold": settings.scoring.high_risk_threshold,
        # flags and numbers mean little without their names
        "words": [
            attribute.name
            for attribute in settings.users.attributes
            if attribute.shown and attribute.type == "category"
        ],
    }


def _scored(con: duckdb.DuckDBPyConnection, end: date) -> ScoredDay | None:
    """Returns the newest scored day up to `end`."""
    days = records(con, "from scored_days where as_of_date <= ? order by as_of_date desc limit 1", [end])
    return cast(ScoredDay, days[0]) if days else None


def _risks(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, end: date) -> dict[str, Any]:
    """Returns the list, the bands and the movements of the newest scored day."""
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
    """Returns the users most at risk, with rank and risk on the previous scored day."""
    return records(
        con,
        f"""select ranked.*, moves.earlier_rank, moves.earlier_risk, banded.band
        from ranked_users(date {literal(day)}) as ranked
        inner join banded_predictions as banded using (user_id, as_of_date)
        left join user_moves as moves using (user_id, as_of_date)
        where banded.as_of_date = date {literal(day)} and ranked.risk_rank <= {int(limit)}
        order by ranked.risk_rank""",
    )


def _health(con: duckdb.DuckDBPyConnection) -> Health:
    # the last event up to the as-of date; period knows later ones too
    (seen,) = records(con, "select max(as_of_date) as last_event_date from daily_volume where total_events > 0")
    health = {
        **seen,
        "landings": records(con, "from landings_summary order by landing desc, source_table"),
        "days": records(
            con, f"from (from daily_volume order by as_of_date desc limit {VOLUME_DAYS}) order by as_of_date"
        ),
        "rules": records(con, "from validation_report order by rule"),
        "runs": records(con, "from newest_runs order by started_at desc"),
    }
    return cast(Health, health)
