"""What a proof found beside what was planted, and how trials are run side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TypeVar

from churn_duck.progress import Progress

Result = TypeVar("Result")
# for fewer it is not worth starting processes
MANY_TRIALS = 50


@dataclass(frozen=True)
class Finding:
    """`recovered` must lie in `low` to `high`; None: that side is open. With both open it is there to compare."""

    proof: str
    planted: str
    figure: str
    recovered: float
    low: float | None = None
    high: float | None = None

    @property
    def holds(self) -> bool:
        """NaN holds nowhere."""
        above = self.low is None or self.recovered >= self.low
        return above and (self.high is None or self.recovered <= self.high)

    @property
    def bound(self) -> str:
        """In words."""
        match self.low, self.high:
            case None, None:
                return "to compare"
            case None, high:
                return f"at most {high:.3f}"
            case low, None:
                return f"at least {low:.3f}"
        return f"{self.low:.3f} to {self.high:.3f}"


def each(work: Callable[[int], Result], trials: int, progress: Progress, what: str) -> list[Result]:
    """`work` of every number below `trials`, in order, on all cores; `progress` hears how far it is."""
    found = []
    for result in _done(work, trials):
        found.append(result)
        progress(f"{what}: {len(found)} of {trials}")
    return found


def _done(work: Callable[[int], Result], trials: int) -> Iterator[Result]:
    if trials < MANY_TRIALS:
        yield from map(work, range(trials))
        return
    # a fork would copy locks that threads of the libraries hold
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, range(trials), chunksize=4)
