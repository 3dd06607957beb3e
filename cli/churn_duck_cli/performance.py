"""The command that looks up what came true, and how it prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import typer

from churn_duck.jobs.run_log import recorded
from churn_duck_cli import show
from churn_duck_cli.app import app
from churn_duck_cli.options import AsOf, Global, Json

if TYPE_CHECKING:
    from churn_duck.monitoring.rows import EstimateRecord, PerformanceReport, RealisedDay, RealisedInterval

REALISED = ("scored on", "scored", "known", "left", "mean risk", "PR-AUC", "expected", "rule", "ROC-AUC", "rule")
MORE = ("lift", "Brier", "ECE")
AWAITED = ("scored on", "scored", "known on", "days", "churn rate", "95 %", "PR-AUC", "95 %")
JUDGED = ("scored on", "of", "estimate", "95 %", "came true", "")
NAMES = {"churn_rate": "churn rate", "pr_auc": "PR-AUC"}


@app.command()
def performance(context: typer.Context, as_of: AsOf = None, json: Json = False) -> None:
    """Show what came true of the scores, beside what was expected of them and the recency rule."""
    from churn_duck.monitoring.performance import performance as look_up

    at: Global = context.obj
    with show.progress() as progress, recorded(at.warehouse, "performance", as_of) as (con, entry):
        found = look_up(con, at.warehouse, as_of, progress)
        entry.as_of_date, entry.row_count = found["as_of_date"], len(found["dates"])
    show.as_json(found) if json or at.json else _print(found)


def _print(found: PerformanceReport) -> None:
    for version in dict.fromkeys(row["model_version"] for row in found["dates"]):
        _version(
            version,
            [row for row in found["dates"] if row["model_version"] == version],
            [row for row in found["intervals"] if row["model_version"] == version],
            [row for row in found["estimates"] if row["model_version"] == version],
        )
    for metric, name in NAMES.items():
        judged = [row for row in found["estimates"] if row["metric"] == metric and row["matured_so_far"]]
        if judged:
            last = judged[-1]
            typer.echo(f"{last['covered_so_far']} of {last['matured_so_far']} intervals of the {name} held")
    for sentence in found["remarks"]:
        typer.echo(f"NOTE: {sentence}")
    for sentence in found["doubts"]:
        typer.echo(f"DOUBT: {sentence}")


def _version(
    version: str,
    dates: Sequence[RealisedDay],
    intervals: Sequence[RealisedInterval],
    estimates: Sequence[EstimateRecord],
) -> None:
    typer.echo(version)
    known = [row for row in dates if row["matured_users"]]
    awaited = [row for row in dates if not row["matured_users"]]
    if known:
        show.table((*REALISED, *MORE), [_known(row, intervals) for row in known])
        typer.echo("")
    if awaited:
        show.table(AWAITED, [_awaited(row, estimates) for row in awaited])
        typer.echo("")
    judged = list(_judged(estimates))
    if judged:
        show.table(JUDGED, judged, left=2)
        typer.echo("")


def _known(row: RealisedDay, intervals: Sequence[RealisedInterval]) -> tuple[str, ...]:
    ranges = [
        _range(one, _number)
        for one in intervals
        if one["as_of_date"] == row["as_of_date"] and one["metric"] == "pr_auc"
    ]
    pr_auc = " ".join([_number(row["pr_auc"]), *ranges])
    return (
        str(row["as_of_date"]),
        f"{row['scored_users']:,}",
        f"{row['matured_users']:,}",
        _percent(row["churn_rate"]),
        _percent(row["mean_risk"]),
        pr_auc,
        _number(row["expected_pr_auc"]),
        _number(row["recency_pr_auc"]),
        _number(row["roc_auc"]),
        _number(row["recency_roc_auc"]),
        "" if row["lift_at_k"] is None else f"{row['lift_at_k']:.2f}",
        _number(row["brier"]),
        _number(row["ece"]),
    )


def _awaited(row: RealisedDay, estimates: Sequence[EstimateRecord]) -> tuple[str, ...]:
    by_metric = {str(one["metric"]): one for one in estimates if one["as_of_date"] == row["as_of_date"]}
    cells = []
    for name, form in (("churn_rate", _percent), ("pr_auc", _number)):
        one = by_metric.get(name)
        cells += [form(one["estimate"]), _range(one, form)] if one else ["none", ""]
    days = str(row["days_until_mature"]) if row["days_until_mature"] else "never"
    return (str(row["as_of_date"]), f"{row['scored_users']:,}", str(row["matures_on"]), days, *cells)


def _judged(estimates: Sequence[EstimateRecord]) -> Iterator[tuple[str, ...]]:
    for row in estimates:
        if row["realised"] is not None:
            form = _percent if row["metric"] == "churn_rate" else _number
            verdict = "held" if row["is_covered"] else "missed"
            values = form(row["estimate"]), _range(row, form), form(row["realised"])
            yield str(row["as_of_date"]), NAMES[row["metric"]], *values, verdict


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _range(one: EstimateRecord | RealisedInterval, form: Callable[[float], str]) -> str:
    return f"({form(one['low'])} to {form(one['high'])})"
