"""The page of the report: one HTML file, styles and charts inside, nothing fetched from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from churn_duck.pages.html import template
from churn_duck.pages.report import charts
from churn_duck.pages.report import text as words
from churn_duck.pages.report.drift_heat_map import heat

GRADES = {"good": "Good", "fair": "Mind", "bad": "Look here", "none": "Nothing yet", "plain": "At risk"}
BANDS = ("high", "medium", "low", "none")


def page(report: Mapping[str, Any]) -> str:
    """The HTML of a report's content."""
    return template("report.html.jinja").render(
        report=report,
        grades=GRADES,
        bands=[charts.band_columns(report["bands"], width) for width in (960, 360)] if report["bands"] else [],
        bridge=charts.bridge(report["moves"]) if report["moves"] else None,
        flows=_flows(report),
        why=words.why_moved(report) if report["moves"] else "",
        heat=heat(report["drift"]) if report["drift"] else None,
        history=_history(report),
        volume=[charts.volume_columns(report["health"]["days"], width) for width in (960, 360)],
        command=lambda section: words.command(report, section),
    )


def _flows(report: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    """Users by band before and band now."""
    found = {(before, now): 0 for before in BANDS for now in BANDS}
    for row in report["moves"]:
        found[row["earlier_band"], row["band"]] += row["moved_users"]
    return found


def _history(report: Mapping[str, Any]) -> dict[str, charts.History]:
    rows = report["performance"]
    return {metric: charts.history(rows, metric) for metric in ("pr_auc", "churn_rate")} if rows else {}
