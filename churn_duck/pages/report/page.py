"""The page of the team report: one self-contained HTML file."""

from __future__ import annotations

from churn_duck.pages.html import template
from churn_duck.pages.report import charts
from churn_duck.pages.report import text as words
from churn_duck.pages.report.drift_heat_map import heat
from churn_duck.pages.report.rows import ReportContent

GRADES = {"good": "Good", "fair": "Attention", "bad": "Problem", "none": "Nothing yet", "plain": "At risk"}
BANDS = ("high", "medium", "low", "none")


def page(report: ReportContent) -> str:
    """Returns the HTML of a report's content."""
    return template("report.html.jinja").render(
        report=report,
        grades=GRADES,
        bands=[charts.band_columns(report["bands"], width) for width in (960, 360)] if report["bands"] else [],
        bridge=charts.bridge(report["moves"]) if report["moves"] else None,
        flows=_flows(report),
        why=words.why_moved(report) if report["moves"] else "",
        heat=heat(report["drift"]) if report["drift"] else None,
        history=charts.histories(report["performance"]),
        volume=[charts.volume_columns(report["health"]["days"], width) for width in (960, 360)],
        command=lambda section: words.command(report, section),
    )


def _flows(report: ReportContent) -> dict[tuple[str, str], int]:
    """Returns users by band before and band now."""
    flows = {(before, now): 0 for before in BANDS for now in BANDS}
    for row in report["moves"]:
        flows[row["earlier_band"], row["band"]] += row["moved_users"]
    return flows
