"""Intervals by resampling users, not rows: the days of one user are not independent."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from threadpoolctl import threadpool_limits

from churn_duck.evaluation.metrics import Codes, Vector, Weighing

REPLICATES = 1000
# with fewer rows threads cost more than they save
ROWS_FOR_THREADS = 20_000


@dataclass(frozen=True)
class Users:
    """The users of some rows: `code` int[N] is the user of each row, 0 to n - 1, `label` float64[N] its label.

    `rows` and `churners` count the rows of each user, float64[n].
    """

    code: Codes
    label: Vector
    n: int
    rows: Vector
    churners: Vector

    @staticmethod
    def of(user: Codes, label: Vector) -> Users:
        """Builds them from any numbers that identify users."""
        users, code = np.unique(user, return_inverse=True)
        rows, churners = (np.bincount(code, each, len(users)) for each in (np.ones(len(code)), label))
        return Users(code, label, len(users), rows.astype(np.float64), churners.astype(np.float64))

    @property
    def rarer_class_users(self) -> int:
        """How many users have a row of the rarer class; the width of an interval depends on them."""
        return int(min(np.count_nonzero(self.churners), np.count_nonzero(self.rows > self.churners)))

    def drawn(self, random: np.random.Generator) -> Vector:
        """Returns how often each user was drawn; a resample with one class only is drawn again."""
        while True:
            times = np.bincount(random.integers(0, self.n, self.n), minlength=self.n).astype(np.float64)
            if 0 < times @ self.churners < times @ self.rows:
                return times


def resampled(weighings: Sequence[Weighing], users: Users, seed: int, replicates: int = REPLICATES) -> Vector:
    """Returns every metric on the same resamples of users, float64[replicates, metrics], whatever the threads."""

    def weigh(times: Vector) -> list[float]:
        weight = times[users.code]
        return [value for weighing in weighings for value in weighing(weight)]

    return resampled_users(weigh, users, seed, replicates)


def resampled_users(
    weigh: Callable[[Vector], list[float]], users: Users, seed: int, replicates: int = REPLICATES
) -> Vector:
    """Returns `weigh` of how often each user was drawn, for each resample, float64[replicates, metrics]."""

    def replicate(number: int) -> list[float]:
        return weigh(users.drawn(np.random.default_rng([seed, number])))

    # the products of a replicate are small: several BLAS threads would spin longer than they work
    with threadpool_limits(limits=1, user_api="blas"):
        if len(users.code) < ROWS_FOR_THREADS:
            return np.array([replicate(number) for number in range(replicates)])
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return np.array(list(pool.map(replicate, range(replicates))))


def middle(values: Vector, beyond: float = 0.025) -> list[float]:
    """Returns the range of the values without the share `beyond` on either side, 2.5 % by default."""
    low, high = np.percentile(values, [100 * beyond, 100 - 100 * beyond])
    return [float(low), float(high)]


def interval(values: Vector, users: Users) -> list[float]:
    """Returns the middle 95 % of resampled values, wider with few users, as a t-interval is wider than a normal one."""
    return middle(values, _share_beyond(users.rarer_class_users))


def _share_beyond(n: int) -> float:
    """Returns the share to leave out on either side: 2.5 % for many users, 2.1 % for 50, 0.9 % for 10."""
    normal, freedom = NormalDist(), max(n - 1, 4)
    z = normal.inv_cdf(0.975)
    # Student's quantile from the normal one, to a hundredth
    student = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    return normal.cdf(-student * ((freedom + 1) / freedom) ** 0.5)
