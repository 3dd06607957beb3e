"""What the charts of all pages are drawn with: coordinates only, templates draw them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

# px: what a label needs below and beside a frame
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 14, 46
# a label of a date or a number needs so many px
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
        """A line through the points, as SVG writes it."""
        return "M" + "L".join(f"{self.x(x)} {self.y(y)}" for x, y in points)


@dataclass(frozen=True)
class Tick:
    """A place on an axis, and what is written there."""

    at: float
    text: str


def months(first: date, last: date, width: float) -> list[date]:
    """First days of months to label, as many as there is room for."""
    starts = [date(year, month, 1) for year in range(first.year, last.year + 1) for month in range(1, 13)]
    inside = [day for day in starts if first <= day <= last - timedelta(days=20)]
    step = next((n for n in (1, 2, 3, 6, 12) if len(inside) / n * 44 <= width), 12)
    return [day for day in inside if (day.month - 1) % step == 0]


def day_name(day: date) -> str:
    """3 Nov."""
    return f"{day.day} {day:%b}"


def placer(frame: Frame, days: Sequence[date]) -> Callable[[date], float]:
    """Where a day stands between the first and the last of the `days`, which are in order; one alone in the middle."""
    first, last = days[0], days[-1]
    whole = max((last - first).days, 1)
    middle = 0.5 if first == last else 0.0

    def x(day: date) -> float:
        return frame.x(0.05 + 0.9 * (middle + (day - first).days / whole))

    return x


def day_ticks(days: Sequence[date], x: Callable[[date], float]) -> list[Tick]:
    """Dates as far as there is room, the last one first."""
    kept: list[Tick] = []
    for day in reversed(days):
        at = x(day)
        if not kept or kept[-1].at - at >= LABEL + 12:
            kept.append(Tick(at, day_name(day)))
    return kept[::-1]
