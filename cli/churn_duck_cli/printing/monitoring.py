"""Printing drift verdicts and realised performance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from churn_duck_cli.printing.common import table

if TYPE_CHECKING:
    from churn_duck.monitoring.drift import Checked, Verdict
    from churn_duck.monitoring.drift_demo import Shown

# features with the verdict OK that are listed
SHOWN_OK = 5
KINDS = {"volume": "data volume", "freshness": "freshness", "score": "score", "label": "label rate", "column": "column"}
REALISED = ("scored on", "scored", "known", "left", "mean risk", "PR-AUC", "expected", "rule", "ROC-AUC", "rule")
MORE = ("lift", "Brier", "ECE")
AWAITED = ("scored on", "scored", "known on", "days", "churn rate", "95 %", "PR-AUC", "95 %")
JUDGED = ("scored on", "of", "estimate", "95 %", "came true", "")
NAMES = {"churn_rate": "churn rate", "pr_auc": "PR-AUC"}


def drift(checked: Checked) -> None:
    """Prints the features that WARN or FAIL, the largest of the others, every other check, and the verdict."""
    features = [verdict for verdict in checked.verdicts if verdict.kind not in KINDS]
    others = [verdict for verdict in checked.verdicts if verdict.kind in KINDS]
    drifted = [verdict for verdict in features if verdict.verdict in ("WARN", "FAIL")]
    shown = [*drifted, *[verdict for verdict in features if verdict not in drifted][:SHOWN_OK]]
    table(("", "psi", "floor", "verdict", "what moved most"), [_line(verdict) for verdict in [*shown, *others]], left=5)
    if len(shown) < len(features):
        typer.echo(f"and {len(features) - len(shown)} more features that are OK")
    typer.echo(f"\n{_sentence(checked)}")


def _line(verdict: Verdict) -> Sequence[str]:
    name = f"{verdict.name} ({KINDS[verdict.kind]})" if verdict.kind in KINDS else verdict.name
    numbers = ["" if value is None else f"{value:.3f}" for value in (verdict.psi, verdict.floor_psi)]
    return (name, *numbers, verdict.verdict or "-", verdict.message)


def _sentence(checked: Checked) -> str:
    failed, warned = checked.names("FAIL"), checked.names("WARN")
    about = f"{checked.as_of_date} against what {checked.model_version} was trained on"
    if not failed and not warned:
        return f"OK: {about}: no drift"
    parts = [f"{len(names)} {verdict}: {', '.join(names)}" for verdict, names in (("FAIL", failed), ("WARN", warned))]
    return f"{checked.status}: {about}: " + "; ".join(part for part in parts if not part.startswith("0 "))


def drift_demo(shown: Shown) -> None:
    """Prints the verdict before, and all verdicts after the change."""
    typer.echo(f"before: {_sentence(shown.before)}\n")
    typer.echo(f"after {', '.join(shown.columns)} times {shown.strength:g}, in a copy:")
    drift(shown.after)


def performance(content: Mapping[str, Any]) -> None:
    """Prints realised and expected performance by model version, then notes and doubts."""
    for version in dict.fromkeys(row["model_version"] for row in content["dates"]):
        own = {
            name: [row for row in content[name] if row["model_version"] == version]
            for name in ("dates", "intervals", "estimates")
        }
        _version(version, own)
    for metric, name in NAMES.items():
        judged = [row for row in content["estimates"] if row["metric"] == metric and row["matured_so_far"]]
        if judged:
            last = judged[-1]
            typer.echo(f"{last['covered_so_far']} of {last['matured_so_far']} intervals of the {name} held")
    for sentence in content["remarks"]:
        typer.echo(f"NOTE: {sentence}")
    for sentence in content["doubts"]:
        typer.echo(f"DOUBT: {sentence}")


def _version(version: str, own: Mapping[str, list[dict[str, Any]]]) -> None:
    typer.echo(version)
    known = [row for row in own["dates"] if row["matured_users"]]
    awaited = [row for row in own["dates"] if not row["matured_users"]]
    if known:
        table((*REALISED, *MORE), [_known(row, own["intervals"]) for row in known])
        typer.echo("")
    if awaited:
        table(AWAITED, [_awaited(row, own["estimates"]) for row in awaited])
        typer.echo("")
    judged = list(_judged(own["estimates"]))
    if judged:
        table(JUDGED, judged, left=2)
        typer.echo("")


def _known(row: Mapping[str, Any], intervals: list[dict[str, Any]]) -> tuple[str, ...]:
    ranges = [
        _range(interval, _number)
        for interval in intervals
        if interval["as_of_date"] == row["as_of_date"] and interval["metric"] == "pr_auc"
    ]
    pr_auc = " ".join([_number(row["pr_auc"]), *ranges])
    return (
        str(row["as_of_date"]),
        f"{row['scored_users']:,}",
        f"{row['matured_users']:,}",
        _percent(row["churn_rate"]),
        _percent(row["mean_risk"]),
        pr_auc,
        *(_number(row[name]) for name in ("expected_pr_auc", "recency_pr_auc", "roc_auc", "recency_roc_auc")),
        "" if row["lift_at_k"] is None else f"{row['lift_at_k']:.2f}",
        *(_number(row[name]) for name in ("brier", "ece")),
    )


def _awaited(row: Mapping[str, Any], estimates: list[dict[str, Any]]) -> tuple[str, ...]:
    own = {estimate["metric"]: estimate for estimate in estimates if estimate["as_of_date"] == row["as_of_date"]}
    cells = []
    for name, form in (("churn_rate", _percent), ("pr_auc", _number)):
        estimate = own.get(name)
        cells += [form(estimate["estimate"]), _range(estimate, form)] if estimate else ["none", ""]
    days = str(row["days_until_mature"]) if row["days_until_mature"] else "never"
    return (str(row["as_of_date"]), f"{row['scored_users']:,}", str(row["matures_on"]), days, *cells)


def _judged(estimates: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
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


def _range(interval: Mapping[str, Any], form: Callable[[float], str]) -> str:
    return f"({form(interval['low'])} to {form(interval['high'])})"
