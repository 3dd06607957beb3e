"""Intervals by drawing users again, never rows: the days of one user are alike."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from churn_duck.evaluation.metrics import Codes, Vector, Weighing

REPLICATES = 1000
# with fewer rows threads wait for one another longer than they work
ROWS_FOR_THREADS = 20_000


@dataclass(frozen=True)
class Users:
    """Whose rows they are: `code` int[N] below `n`, and the label, so that a resample can hold both classes.

    `rows` and `churners` are how many each user has, float64[n].
    """

    code: Codes
    label: Vector
    n: int
    rows: Vector
    churners: Vector

    @staticmethod
    def of(user: Codes, label: Vector) -> Users:
        """From any numbers that tell users apart."""
        users, code = np.unique(user, return_inverse=True)
        rows, churners = (np.bincount(code, each, len(users)) for each in (np.ones(len(code)), label))
        return Users(code, label, len(users), rows.astype(np.float64), churners.astype(np.float64))

    @property
    def telling(self) -> int:
        """Users with a row of the rarer class: so many speak for it."""
        return int(min(np.count_nonzero(self.churners), np.count_nonzero(self.rows > self.churners)))

    def drawn(self, random: np.random.Generator) -> Vector:
        """How often each user was drawn; a resample that happens to hold one class only is drawn again."""
        while True:
            times = np.bincount(random.integers(0, self.n, self.n), minlength=self.n).astype(np.float64)
            if 0 < times @ self.churners < times @ self.rows:
                return times


def resampled(weighings: Sequence[Weighing], users: Users, seed: int, replicates: int = REPLICATES) -> Vector:
    """Every metric on the same resamples of users, float64[replicates, metrics]; the same for any number of threads."""

    def weigh(times: Vector) -> list[float]:
        weight = times[users.code]
        return [value for weighing in weighings for value in weighing(weight)]

    return resampled_users(weigh, users, seed, replicates)


def resampled_users(
    weigh: Callable[[Vector], list[float]], users: Users, seed: int, replicates: int = REPLICATES
) -> Vector:
    """`weigh` of how often each user was drawn, float64[replicates, metrics]."""

    def replicate(number: int) -> list[float]:
        return weigh(users.drawn(np.random.default_rng([seed, number])))

    if len(users.code) < ROWS_FOR_THREADS:
        return np.array([replicate(number) for number in range(replicates)])
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.array(list(pool.map(replicate, range(replicates))))


def middle(values: Vector, beyond: float = 0.025) -> list[float]:
    """What lies between the lowest and the highest share of values, 2.5 % on either side."""
    low, high = np.percentile(values, [100 * beyond, 100 - 100 * beyond])
    return [float(low), float(high)]


def interval(values: Vector, users: Users) -> list[float]:
    """Middle 95 % of resampled values, and more where few users tell: what a t-interval adds to a normal one."""
    return middle(values, _share_beyond(users.telling))


def _share_beyond(n: int) -> float:
    """Of the values on either side: 2.5 % for many users, 2.1 % for 50, 0.9 % for 10."""
    normal, freedom = NormalDist(), max(n - 1, 4)
    z = normal.inv_cdf(0.975)
    # Student's quantile from the normal one, to a hundredth
    student = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    return normal.cdf(-student * ((freedom + 1) / freedom) ** 0.5)
