"""Frames, ticks and axes shared by the charts of all pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

# px: room for labels around a plot
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 14, 46
# px: width of a date or number label
LABEL = 44


@dataclass(frozen=True)
class Frame:
    """A plot of `width` x `height` px whose axes run from 0 to 1."""

    width: float
    height: float

    def x(self, share: float) -> float:
        return round(LEFT + share * (self.width - LEFT - RIGHT), 1)

    def y(self, share: float) -> float:
        return round(self.height - BOTTOM - share * (self.height - TOP - BOTTOM), 1)

    def path(self, points: Iterable[tuple[float, float]]) -> str:
        """Returns an SVG path through the points."""
        return "M" + "L".join(f"{self.x(x)} {self.y(y)}" for x, y in points)


@dataclass(frozen=True)
class Tick:
    """A position on an axis, and its label."""

    at: float
    text: str


def months(first: date, last: date, width: float) -> list[date]:
    """Returns first days of months to label, as many as fit."""
    starts = [date(year, month, 1) for year in range(first.year, last.year + 1) for month in range(1, 13)]
    inside = [day for day in starts if first <= day <= last - timedelta(days=20)]
    step = next((n for n in (1, 2, 3, 6, 12) if len(inside) / n * 44 <= width), 12)
    return [day for day in inside if (day.month - 1) % step == 0]


def day_name(day: date) -> str:
    """Returns a short date, such as 3 Nov."""
    return f"{day.day} {day:%b}"


def placer(frame: Frame, days: Sequence[date]) -> Callable[[date], float]:
    """Returns the function from a day to its x; `days` are in order, and a single one is centred."""
    first, last = days[0], days[-1]
    whole = max((last - first).days, 1)
    middle = 0.5 if first == last else 0.0

    def x(day: date) -> float:
        return frame.x(0.05 + 0.9 * (middle + (day - first).days / whole))

    return x


def day_ticks(days: Sequence[date], x: Callable[[date], float]) -> list[Tick]:
    """Returns as many date labels as fit, always with the last day."""
    kept: list[Tick] = []
    for day in reversed(days):
        at = x(day)
        if not kept or kept[-1].at - at >= LABEL + 12:
            kept.append(Tick(at, day_name(day)))
    return kept[::-1]
