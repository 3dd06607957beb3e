"""Coordinates for the charts of the report; the template draws them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from math import floor, log10
from typing import Literal

from churn_duck.monitoring.rows import PerformanceHistoryRow
from churn_duck.pages.charts import LABEL, Frame, Tick, day_name, day_ticks, placer
from churn_duck.pages.html import count, number, percent
from churn_duck.pages.report.rows import BandRow, MoveRow, VolumeRow

Known = Literal["realised", "estimate"]
Drawn = Literal["expected", "estimate_high", "realised", "realised_high", "recency_rule"]
Side = Literal["band", "earlier_band"]
SIDES: tuple[tuple[Side, Side, str, int], ...] = (
    ("band", "earlier_band", "in", 1),
    ("earlier_band", "band", "out", -1),
)
SHOWN_COLUMNS, SHOWN_DOTS = {960: 26, 360: 8}, 60
# axis ends whose quarters have at most two digits
ENDS = (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10)
# height that fits a number inside a bar, px
ROOM = 15
MOVEMENTS = ("rose", "signed up", "came back", "fell", "fell silent", "removed")
STACKED = ("high", "medium")


def ceiling(value: float) -> float:
    """Returns the next larger axis end whose quarters are readable."""
    if value <= 0:
        return 1.0
    power = 10.0 ** floor(log10(value))
    return next(round(part * power, 12) for part in ENDS if part * power >= value * (1 - 1e-12))


@dataclass(frozen=True)
class Bar:
    """A bar; `text` is its tooltip, `label` is drawn on it if there is room."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    text: str
    label: str


@dataclass(frozen=True)
class Columns:
    """One column per day, stacked from the bottom."""

    frame: Frame
    bars: list[Bar]
    days: list[Tick]
    ticks: list[Tick]
    marks: list[float]


# kind, amount and sentence of each part, from the bottom
Stack = Sequence[tuple[str, float, str]]


def columns(days: Sequence[tuple[date, Stack]], width: float, height: float, marked: Sequence[int] = ()) -> Columns:
    """Returns the stacks, with as many dates as fit, and a mark before each column in `marked`."""
    frame = Frame(width, height)
    most = ceiling(max((sum(amount for _, amount, _ in stack) for _, stack in days), default=0))
    step = 1 / max(len(days), 1)
    bars = [bar for place, (_, stack) in enumerate(days) for bar in _stacked(frame, place * step, step, stack, most)]
    every = -(-LABEL * len(days) // int(width - 66)) if days else 1
    names = [
        Tick(frame.x((place + 0.5) * step), day_name(day))
        for place, (day, _) in enumerate(days)
        if (len(days) - 1 - place) % every == 0
    ]
    ticks = [Tick(frame.y(part / 2), count(most * part / 2)) for part in range(3) if most * part % 2 == 0 or most > 2]
    return Columns(frame, bars, names, ticks, [frame.x(place * step) for place in marked])


def _stacked(frame: Frame, at: float, step: float, stack: Stack, most: float) -> list[Bar]:
    bars, below = [], 0.0
    left, right = frame.x(at + step * 0.12), frame.x(at + step * 0.88)
    for kind, amount, text in stack:
        low, high = frame.y(below / most), frame.y((below + amount) / most)
        fits = low - high >= ROOM and right - left >= 7 * len(count(amount))
        bars.append(
            Bar(left, high, round(right - left, 1), round(low - high, 1), kind, text, count(amount) if fits else "")
        )
        below += amount
    return [bar for bar in bars if bar.height > 0]


def band_columns(bands: Sequence[BandRow], width: int) -> Columns:
    """Returns high and medium risk by scored day, with marks where the model changed; low risk would dwarf them."""
    models = {row["as_of_date"]: row["model_version"] for row in bands}
    days = list(models)[-SHOWN_COLUMNS[width] :]
    users = {(row["as_of_date"], row["band"]): row["band_users"] for row in bands}
    stacks = [
        (day, [(band, users[day, band], f"{day}: {count(users[day, band])} at {band} risk") for band in STACKED])
        for day in days
    ]
    changed = [place for place in range(1, len(days)) if models[days[place]] != models[days[place - 1]]]
    return columns(stacks, width, 230, changed)


def volume_columns(days: Sequence[VolumeRow], width: int) -> Columns:
    """Returns events by day."""
    stacks = [(row["as_of_date"], [("events", row["total_events"], _volume(row))]) for row in days]
    return columns(stacks if width > 400 else stacks[-28:], width, 180)


def _volume(row: VolumeRow) -> str:
    return f"{row['as_of_date']}: {count(row['total_events'])} events, {count(row['active_users'])} active users"


@dataclass(frozen=True)
class Bridge:
    """A waterfall from the users a band had to those it has; one bar per kind of movement."""

    frame: Frame
    bars: list[Bar]
    names: list[Tick]
    amounts: list[Tick]


def bridge(moves: Sequence[MoveRow], band: str = "high") -> Bridge:
    """Returns the movements into and out of a band, each starting where the previous one ends."""
    steps = bridge_steps(moves, band)
    top, bottom, row = 8, 8, 34
    frame = Frame(360, top + bottom + row * len(steps))
    reach = max((max(start, end) for _, _, start, end in steps), default=0) or 1

    def x(value: float) -> float:
        return round(112 + value / reach * 200, 1)

    bars, names, amounts = [], [], []
    for place, (name, kind, start, end) in enumerate(steps):
        y, low, high = top + row * place, min(start, end), max(start, end)
        text = count(end) if kind == "whole" else f"{'+' if kind == 'in' else chr(0x2212)}{count(high - low)}"
        bars.append(Bar(x(low), y + 6, round(max(x(high) - x(low), 1), 1), row - 12, kind, f"{name}: {text}", ""))
        names.append(Tick(y + row / 2 + 4, name))
        amounts.append(Tick(x(high) + 6, text))
    return Bridge(frame, bars, names, amounts)


def bridge_steps(moves: Sequence[MoveRow], band: str) -> list[tuple[str, str, int, int]]:
    """Returns name, kind (whole, in, out), start and end of each step; the last ends at the band's users now."""
    if not moves:
        return []
    level = sum(row["moved_users"] for row in moves if row["earlier_band"] == band)
    steps = [(day_name(moves[0]["earlier_date"]), "whole", 0, level)]
    for movement in MOVEMENTS:
        for key, other, kind, sign in SIDES:
            rows = [row for row in moves if row["movement"] == movement and row[key] == band and row[other] != band]
            if moved := sum(row["moved_users"] for row in rows):
                steps.append((_crossed(movement, kind), kind, level, level + sign * moved))
                level += sign * moved
    return [*steps, (day_name(moves[0]["as_of_date"]), "whole", 0, level)]


def _crossed(movement: str, kind: str) -> str:
    if movement in ("rose", "fell"):
        return f"{movement} {'into it' if kind == 'in' else 'out of it'}"
    return movement


@dataclass(frozen=True)
class Span:
    """The value of a day with its interval; without `y` only the interval is drawn."""

    x: float
    y: float | None
    low: float | None
    high: float | None
    text: str


@dataclass(frozen=True)
class History:
    """Realised against expected over time; `expected` are paths, one per model."""

    frame: Frame
    days: list[Tick]
    ticks: list[Tick]
    known: list[Span]
    pending: list[Span]
    rule: list[Span]
    expected: list[str]


def histories(rows: Sequence[PerformanceHistoryRow]) -> dict[str, History]:
    """Returns the history of each metric shown; empty without rows."""
    return {metric: history(rows, metric) for metric in ("pr_auc", "churn_rate")} if rows else {}


def history(rows: Sequence[PerformanceHistoryRow], metric: str) -> History:
    """Returns the newest SHOWN_DOTS days of one metric."""
    own = [row for row in rows if row["metric"] == metric][-SHOWN_DOTS:]
    frame = Frame(380, 270)
    most = min(1.0, ceiling(max((row[end] or 0 for row in own for end in _shown(row)), default=0)))
    days = [row["as_of_date"] for row in own]
    x, y = placer(frame, days), _scale(frame, most)
    known = [_span(row, x, y, "realised") for row in own if row["realised"] is not None]
    pending = [_span(row, x, y, "estimate") for row in own if row["realised"] is None and row["estimate"] is not None]
    rule = [
        Span(x(row["as_of_date"]), y(row["recency_rule"]), None, None,
             f"{row['as_of_date']}: recency rule {number(row['recency_rule'])}")
        for row in own if row["recency_rule"] is not None
    ]  # fmt: skip
    ticks = [Tick(frame.y(part / 4), _share(most, part, metric)) for part in range(5)]
    return History(frame, day_ticks(days, x), ticks, known, pending, rule, _paths(own, x, y))


def _share(most: float, quarters: int, metric: str) -> str:
    value = most * quarters / 4
    return number(value, 2) if metric == "pr_auc" else percent(value, 0 if 25 * most == round(25 * most) else 1)


def _shown(row: PerformanceHistoryRow) -> tuple[Drawn, ...]:
    """Returns the columns drawn for a day: estimates only without realised values."""
    if row["realised"] is None:
        return ("expected", "estimate_high")
    return ("expected", "realised", "realised_high", "recency_rule")


def _scale(frame: Frame, most: float) -> Callable[[float | None], float | None]:
    return lambda value: None if value is None else frame.y(min(value / most, 1))


def _span(
    row: PerformanceHistoryRow, x: Callable[[date], float], y: Callable[[float | None], float | None], name: Known
) -> Span:
    low, high = row["estimate_low"], row["estimate_high"]
    if name == "realised":
        low, high = row["realised_low"], row["realised_high"]
    text = f"{row['as_of_date']}: {'realised' if name == 'realised' else 'estimated'} {number(row[name])}"
    if low is not None:
        text += f" ({number(low)} to {number(high)})"
    if name == "estimate":
        text += f", known on {row['matures_on']}"
    return Span(x(row["as_of_date"]), y(row[name]), y(low), y(high), text)


def _paths(
    own: Sequence[PerformanceHistoryRow], x: Callable[[date], float], y: Callable[[float | None], float | None]
) -> list[str]:
    """Returns one line per model and stretch of days; a single day is a dash."""
    stretches: list[list[PerformanceHistoryRow]] = []
    for row in own:
        if stretches and stretches[-1][-1]["model_version"] == row["model_version"]:
            stretches[-1].append(row)
        else:
            stretches.append([row])
    known = [[row for row in stretch if row["expected"] is not None] for stretch in stretches]
    return [
        f"M{x(stretch[0]['as_of_date']) - 5:.1f} {y(stretch[0]['expected'])}"
        + "".join(f"L{x(row['as_of_date']):.1f} {y(row['expected'])}" for row in stretch)
        + f"L{x(stretch[-1]['as_of_date']) + 5:.1f} {y(stretch[-1]['expected'])}"
        for stretch in known
        if stretch
    ]
