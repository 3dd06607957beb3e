"""Results of a proof beside the planted effect, and running trials in parallel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TypeVar

from churn_duck.progress import Progress

Result = TypeVar("Result")
# fewer trials do not repay starting processes
MANY_TRIALS = 50


@dataclass(frozen=True)
class Finding:
    """A recovered figure and its bounds; None: that side is open. With both open it is for comparison."""

    proof: str
    planted: str
    figure: str
    recovered: float
    low: float | None = None
    high: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the figure lies within its bounds; NaN never does."""
        above = self.low is None or self.recovered >= self.low
        return above and (self.high is None or self.recovered <= self.high)

    @property
    def bound(self) -> str:
        """The bounds in words."""
        match self.low, self.high:
            case None, None:
                return "to compare"
            case None, high:
                return f"at most {high:.3f}"
            case low, None:
                return f"at least {low:.3f}"
        return f"{self.low:.3f} to {self.high:.3f}"


def each(work: Callable[[int], Result], trials: int, progress: Progress, what: str) -> list[Result]:
    """Returns `work` of every number below `trials`, in order, on all cores; reports to `progress`."""
    results = []
    for result in _results(work, trials):
        results.append(result)
        progress(f"{what}: {len(results)} of {trials}")
    return results


def _results(work: Callable[[int], Result], trials: int) -> Iterator[Result]:
    if trials < MANY_TRIALS:
        yield from map(work, range(trials))
        return
    # a fork would copy locks held by library threads
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, range(trials), chunksize=4)
