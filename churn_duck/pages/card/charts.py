"""Coordinates for the charts of a model card; the template draws them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from math import sqrt
from typing import Any

from churn_duck.pages.charts import Frame, Tick, months
from churn_duck.pages.html import bounds, percent

KINDS = {
    "by_user": "learned from, and tested on users held out",
    "warm_up": "warm-up: too early for a full look back",
    "train": "training",
    "fit": "training",
    "calibrate": "training, for calibration",
    "purge": "left out: their labels reach into the next part",
    "test": "test",
}
# root axes give small shares more room
ROOT_TICKS = (0.0, 0.01, 0.05, 0.15, 0.3, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Window:
    """One cut-off date: features are known at `x`, the label ends at `end`."""

    x: float
    end: float
    y: float
    kind: str
    text: str


@dataclass(frozen=True)
class Timeline:
    """The split: one line per cut-off date, earliest on top; `bounds` are where calibration and test begin."""

    width: float
    height: float
    bottom: float
    windows: list[Window]
    ticks: list[Tick]
    bounds: list[Tick]


def kind_of(snapshot: Mapping[str, Any]) -> str:
    """Returns the part of the split that a cut-off date belongs to."""
    return str(snapshot["calibration_role"] or snapshot["split"])


def parts(split: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns each part of the split: its meaning, its dates, and the end of its labels."""
    found = []
    for kind, group in groupby(split, key=kind_of):
        own = list(group)
        dates = {"dates": len(own), "first": own[0]["as_of_date"], "last": own[-1]["as_of_date"]}
        found.append({"kind": kind, "meaning": KINDS[kind], **dates, "label_end": own[-1]["label_end_date"]})
    return found


def timeline(split: Sequence[Mapping[str, Any]], width: float) -> Timeline:
    """Returns the cut-off dates of a split over time."""
    first, last = split[0]["as_of_date"], split[-1]["label_end_date"]
    days: int = (last - first).days
    step = min(9.0, 300 / len(split))
    bottom = 34 + step * len(split)

    def x(day: date) -> float:
        share: float = (day - first).days / days
        return round(8 + share * (width - 16), 1)

    windows = [
        Window(
            x(row["as_of_date"]),
            x(row["label_end_date"]),
            round(30 + step * (place + 0.5), 1),
            kind_of(row),
            f"{row['as_of_date']}, {KINDS[kind_of(row)]}; label to {row['label_end_date']}",
        )
        for place, row in enumerate(split)
    ]
    ticks = [Tick(x(day), f"{day:%b}" if day.month > 1 else f"{day:%Y}") for day in months(first, last, width)]
    return Timeline(width, bottom + 26, bottom, windows, ticks, _bounds(windows))


def _bounds(windows: Sequence[Window]) -> list[Tick]:
    """Returns where the held-out parts begin."""
    names = {"calibrate": "calibration begins", "test": "test begins"}
    firsts = {kind: next((window.x for window in windows if window.kind == kind), None) for kind in names}
    return [Tick(at, names[kind]) for kind, at in firsts.items() if at is not None]


@dataclass(frozen=True)
class Estimate:
    """One value with its interval on a common axis, and its row position."""

    y: float
    x: float
    low: float
    high: float
    text: str


@dataclass(frozen=True)
class Forest:
    """PR-AUC of the model and its baselines."""

    frame: Frame
    ticks: list[Tick]
    rows: list[Estimate]


def forest(own: Mapping[str, Any]) -> Forest:
    """Returns the model, the recency rule and the base rate on one axis."""
    frame = Frame(360, 190)
    named = {"model": own, "recency rule": own["recency_rule"], "base rate": own["base_rate"]}
    spans = {name: one["intervals"].get("pr_auc", [one["pr_auc"]] * 2) for name, one in named.items()}
    top = next(end for end in (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0) if end >= max(high for _, high in spans.values()))
    rows = [
        Estimate(
            48.0 + 42 * place,
            frame.x(one["pr_auc"] / top),
            frame.x(spans[name][0] / top),
            frame.x(spans[name][1] / top),
            f"{name}: {one['pr_auc']:.3f}" + (f" ({bounds(spans[name])})" if one["intervals"] else ""),
        )
        for place, (name, one) in enumerate(named.items())
    ]
    return Forest(frame, [Tick(frame.x(part / 4), f"{top * part / 4:.2f}") for part in range(5)], rows)


@dataclass(frozen=True)
class Dot:
    """A tenth of the test rows."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Reliability:
    """Predicted risk against outcomes, on root axes; `before` is empty without calibration."""

    frame: Frame
    ticks: list[tuple[float, float, str]]
    before: list[Dot]
    after: list[Dot]


def reliability(tables: Mapping[str, Sequence[Mapping[str, Any]]], is_calibrated: bool) -> Reliability:
    """Returns the tenths of the model, and of the model before calibration."""
    frame = Frame(360, 350)

    def dots(scorer: str) -> list[Dot]:
        return [
            Dot(
                frame.x(sqrt(row["mean_risk"])),
                frame.y(sqrt(row["churn_rate"])),
                f"tenth {row['tenth']}, {row['rows']:,} rows: predicted {percent(row['mean_risk'])}, "
                f"left {percent(row['churn_rate'])}",
            )
            for row in tables[scorer]
        ]

    ticks = [(frame.x(sqrt(share)), frame.y(sqrt(share)), percent(share, 0)) for share in ROOT_TICKS]
    return Reliability(frame, ticks, dots("raw") if is_calibrated else [], dots("model"))


@dataclass(frozen=True)
class Gain:
    """Share of churners found against share of users called."""

    frame: Frame
    ticks: list[tuple[float, float, str]]
    curves: dict[str, str]
    half: tuple[float, float]


def gain(curves: Mapping[str, Sequence[tuple[float, float]]], needed: Mapping[str, float]) -> Gain:
    """Returns the curves of all scorers, and the point where the model has found half."""
    frame = Frame(360, 350)
    ticks = [(frame.x(part / 4), frame.y(part / 4), percent(part / 4, 0)) for part in range(5)]
    paths = {scorer: frame.path(points) for scorer, points in curves.items()}
    return Gain(frame, ticks, paths, (frame.x(needed["share_called"]), frame.y(0.5)))
