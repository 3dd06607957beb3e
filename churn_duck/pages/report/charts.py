"""Where things stand in the charts of the report: coordinates only, the template draws them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import floor, log10
from typing import Any

from churn_duck.pages.charts import LABEL, Frame, Tick, day_name, day_ticks, placer
from churn_duck.pages.html import count, number, percent

Rows = Sequence[Mapping[str, Any]]
SHOWN_COLUMNS, SHOWN_DOTS = {960: 26, 360: 8}, 60
# whose quarters have two digits at most
ENDS = (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10)
# what fits a number inside a bar, px
ROOM = 15
MOVEMENTS = ("rose", "signed up", "came back", "fell", "fell silent", "removed")
STACKED = ("high", "medium")


def ceiling(value: float) -> float:
    """The next number for an axis to end at whose quarters can be read."""
    if value <= 0:
        return 1.0
    power = 10.0 ** floor(log10(value))
    return next(round(part * power, 12) for part in ENDS if part * power >= value * (1 - 1e-12))


@dataclass(frozen=True)
class Bar:
    """A bar; `text` is said of it, `label` stands on it where there is room."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    text: str
    label: str


@dataclass(frozen=True)
class Columns:
    """One column a day, stacked from the bottom."""

    frame: Frame
    bars: list[Bar]
    days: list[Tick]
    ticks: list[Tick]
    marks: list[float]


# kind, amount and sentence of each part, from the bottom
Stack = Sequence[tuple[str, float, str]]


def columns(days: Sequence[tuple[date, Stack]], width: float, height: float, marked: Sequence[int] = ()) -> Columns:
    """The stacks, with as many dates as there is room for, and a mark before each column `marked`."""
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


def band_columns(bands: Rows, width: int) -> Columns:
    """High and medium risk by scored day, with marks where the model changed; the many at low risk would hide them."""
    models = {row["as_of_date"]: row["model_version"] for row in bands}
    days = list(models)[-SHOWN_COLUMNS[width] :]
    users = {(row["as_of_date"], row["band"]): row["band_users"] for row in bands}
    stacks = [
        (day, [(band, users[day, band], f"{day}: {count(users[day, band])} at {band} risk") for band in STACKED])
        for day in days
    ]
    changed = [place for place in range(1, len(days)) if models[days[place]] != models[days[place - 1]]]
    return columns(stacks, width, 230, changed)


def volume_columns(days: Rows, width: int) -> Columns:
    """Events by day."""
    stacks = [(row["as_of_date"], [("events", row["total_events"], _volume(row))]) for row in days]
    return columns(stacks if width > 400 else stacks[-28:], width, 180)


def _volume(row: Mapping[str, Any]) -> str:
    return f"{row['as_of_date']}: {count(row['total_events'])} events, {count(row['active_users'])} active users"


@dataclass(frozen=True)
class Bridge:
    """From how many a band had to how many it has; one bar a kind of movement."""

    frame: Frame
    bars: list[Bar]
    names: list[Tick]
    amounts: list[Tick]


def bridge(moves: Rows, band: str = "high") -> Bridge:
    """The movements into a band and out of it, each where the one before ends."""
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


def bridge_steps(moves: Rows, band: str) -> list[tuple[str, str, int, int]]:
    """Name, kind (whole, in, out), start and end of each step; the last ends at the band's users now."""
    if not moves:
        return []
    level = sum(row["moved_users"] for row in moves if row["earlier_band"] == band)
    steps = [(day_name(moves[0]["earlier_date"]), "whole", 0, level)]
    for movement in MOVEMENTS:
        for key, kind, sign in (("band", "in", 1), ("earlier_band", "out", -1)):
            other = "earlier_band" if key == "band" else "band"
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
    """A value of a day with its interval; without `y` only the interval is drawn."""

    x: float
    y: float | None
    low: float | None
    high: float | None
    text: str


@dataclass(frozen=True)
class History:
    """Realised against expected over time; `expected` are paths, one a model."""

    frame: Frame
    days: list[Tick]
    ticks: list[Tick]
    known: list[Span]
    pending: list[Span]
    rule: list[Span]
    expected: list[str]


def history(rows: Rows, metric: str) -> History:
    """The days of one metric, the newest SHOWN_DOTS."""
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


def _shown(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What is drawn of a day: estimates only where nothing better is known."""
    later = ("estimate_high",) if row["realised"] is None else ("realised", "realised_high", "recency_rule")
    return ("expected", *later)


def _scale(frame: Frame, most: float) -> Callable[[float | None], float | None]:
    return lambda value: None if value is None else frame.y(min(value / most, 1))


def _span(
    row: Mapping[str, Any], x: Callable[[date], float], y: Callable[[float | None], float | None], name: str
) -> Span:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    told = f"{row['as_of_date']}: {'came true' if name == 'realised' else 'estimated'} {number(row[name])}"
    if low is not None:
        told += f" ({number(low)} to {number(high)})"
    if name == "estimate":
        told += f", known on {row['matures_on']}"
    return Span(x(row["as_of_date"]), y(row[name]), y(low), y(high), told)


def _paths(own: Rows, x: Callable[[date], float], y: Callable[[float | None], float | None]) -> list[str]:
    """One line a model and stretch of days; a single day is a dash."""
    stretches: list[list[Mapping[str, Any]]] = []
    for row in own:
        if stretches and stretches[-1][-1]["model_version"] == row["model_version"]:
            stretches[-1].append(row)
        else:
            stretches.append([row])
    known = [[row for row in stretch if row["expected"] is not None] for stretch in stretches]
    return [
        f"M{x(one[0]['as_of_date']) - 5:.1f} {y(one[0]['expected'])}"
        + "".join(f"L{x(row['as_of_date']):.1f} {y(row['expected'])}" for row in one)
        + f"L{x(one[-1]['as_of_date']) + 5:.1f} {y(one[-1]['expected'])}"
        for one in known
        if one
    ]
