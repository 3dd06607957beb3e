"""Coordinates for the charts of one user; the template draws them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from churn_duck.pages.charts import Frame, Tick, day_ticks, placer
from churn_duck.pages.html import count, percent
from churn_duck.pages.report.charts import Columns, columns

Rows = Sequence[Mapping[str, Any]]
# days shown by width in px
DAYS = {960: 90, 360: 28}


@dataclass(frozen=True)
class Dot:
    """The risk of a day; `text` is its tooltip."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Risks:
    """Risk by scored day; `lines` are paths, one per model, `bounds` where bands begin."""

    frame: Frame
    days: list[Tick]
    ticks: list[Tick]
    bounds: list[Tick]
    dots: list[Dot]
    lines: list[str]


def risks(history: Rows, bands: Rows, width: int) -> Risks:
    """Returns the chart of a user's scored days; `history` is newest first."""
    own = list(reversed(history))
    frame = Frame(width, 210)
    days = [row["as_of_date"] for row in own]
    x = placer(frame, days)
    dots = [Dot(x(row["as_of_date"]), frame.y(row["churn_risk"]), _tooltip(row)) for row in own]
    at = {row["as_of_date"]: dot for row, dot in zip(own, dots, strict=True)}
    lines = [
        "M" + "L".join(f"{at[row['as_of_date']].x} {at[row['as_of_date']].y}" for row in stretch)
        for _, stretch in groupby(own, key=lambda row: row["model_version"])
    ]
    ticks = [Tick(frame.y(part / 4), percent(part / 4, 0)) for part in range(5)]
    bounds = [Tick(frame.y(row["from_risk"]), row["band"]) for row in bands if row["from_risk"] > 0]
    return Risks(frame, day_ticks(days, x), ticks, bounds, dots, lines)


def _tooltip(row: Mapping[str, Any]) -> str:
    return f"{row['as_of_date']}: {percent(row['churn_risk'])}, rank {count(row['risk_rank'])}"


def activity(rows: Rows, last: date, width: int) -> Columns:
    """Returns events by day up to `last`; a gap is a day without events."""
    events = {row["activity_date"]: row["total_events"] for row in rows}
    days = [last - timedelta(days=age) for age in reversed(range(DAYS[width]))]
    stacks = [(day, [("events", events.get(day, 0), f"{day}: {count(events.get(day, 0))} events")]) for day in days]
    chart = columns(stacks, width, 170)
    # too narrow for numbers; the table has them
    return replace(chart, bars=[replace(bar, label="") for bar in chart.bars])
