"""Content of the monitoring pages: drift and realised performance, versions and promotions."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from churn_duck.pages.report import charts
from churn_duck.pages.report import text as words
from churn_duck.pages.report.drift_heat_map import heat
from churn_duck.pages.report.page import GRADES
from churn_duck.pages.report.rows import Evidence
from churn_duck.serving.snapshots import Snapshot
from churn_duck.warehouse.store import Warehouse

SHOWN_RETRAININGS = 20


def watched(snapshot: Snapshot, warehouse: Warehouse) -> dict[str, Any]:
    """Returns the content of the page on drift and results, as in the report, from the snapshot alone."""
    content = _content(snapshot, warehouse)
    return {
        "report": content,
        "grades": GRADES,
        "headlines": words.headlines(content),
        "notes": words.notes(content),
        "empty": words.empty(content),
        "command": lambda section: words.command(content, section),
        "bands": [charts.band_columns(content["bands"], width) for width in (960, 360)] if content["bands"] else [],
        "heat": heat(content["drift"]) if content["drift"] else None,
        "history": charts.histories(content["performance"]),
    }


def _content(snapshot: Snapshot, warehouse: Warehouse) -> Evidence:
    """Returns the part of a report's content that these pages show."""
    manifest, settings = snapshot.manifest, warehouse.settings
    days = snapshot.rows("from scored_days where as_of_date = ?", [manifest.as_of_date])
    content = {
        "as_of_date": _end(snapshot),
        # shown at the top of every page instead
        "is_invented": False,
        "production": manifest.model_version,
        "scored": days[0] if days else None,
        "churn_window_days": settings.churn.window_days,
        "bands": snapshot.rows("from risk_bands order by as_of_date, place"),
        "drift": snapshot.rows("from drift_history order by as_of_date, severity desc, psi desc nulls last, name"),
        "performance": snapshot.rows("from performance_history order by as_of_date, metric"),
        "health": {
            "rules": snapshot.rows("from validation_report order by rule"),
            "last_event_date": _last_event(snapshot),
        },
    }
    return cast(Evidence, content)


def _end(snapshot: Snapshot) -> date:
    """The as-of date of the snapshot."""
    manifest = snapshot.manifest
    days = [day for day in (manifest.world_date, manifest.as_of_date) if day is not None]
    return max(days, default=manifest.published_at.date())


def _last_event(snapshot: Snapshot) -> date:
    """The last day with an event, as of the snapshot."""
    (row,) = snapshot.rows("select last_event_date as day from period")
    return min(row["day"] or _end(snapshot), _end(snapshot))


def versions(snapshot: Snapshot) -> dict[str, Any]:
    """Returns the content of the page on models, newest first."""
    return {
        "models": snapshot.rows(
            """select
                model_version, model, created_at, as_of_date,
                cast(metrics ->> '$.eligible.rows' as bigint) as test_rows,
                cast(metrics ->> '$.eligible.pr_auc' as double) as pr_auc,
                cast(metrics ->> '$.eligible.roc_auc' as double) as roc_auc,
                cast(metrics ->> '$.eligible.log_loss' as double) as log_loss,
                cast(metrics ->> '$.eligible.ece' as double) as ece
            from models
            order by created_at desc, model_version"""
        ),
        "production": next(iter(snapshot.rows("from production")), None),
        "promotions": snapshot.rows("from promotions order by promoted_at desc"),
        "retrainings": snapshot.rows("from retrainings order by retrained_at desc limit ?", [SHOWN_RETRAININGS]),
        "triggers": snapshot.rows("from retraining_triggers order by is_due desc, reason"),
    }
