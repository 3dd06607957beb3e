"""What the charts of all pages are drawn with: coordinates only, templates draw them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

# px: what a label needs below and beside a frame
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 14, 46


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
