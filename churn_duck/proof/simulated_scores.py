"""Scored rows with known truth: heterogeneous users, several rows per user, scores that see part of the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churn_duck.evaluation.intervals import Outcomes
from churn_duck.evaluation.metrics import Codes, Vector, sigmoid

MOST_ROWS = 8
# scale of a normal to a logistic variable: log-odds that do not see it shrink by 1 / sqrt(1 + (this * sd) ** 2)
LOGISTIC = 16 * np.sqrt(3) / (15 * np.pi)


@dataclass(frozen=True)
class Planted:
    """Simulated scored users: log-odds of churn are `base` + signal + an unseen term per user.

    `trust` is what the scores multiply honest log-odds by: 1 is calibrated, 1.3 is overconfident.
    """

    base: float = -2.2
    of_user: float = 1.2
    of_row: float = 0.9
    unseen: float = 0.8
    trust: float = 1.0

    def rows(self, n_users: int, random: np.random.Generator) -> _Rows:
        """Returns one to eight consecutive days per user."""
        counts = random.integers(1, MOST_ROWS + 1, n_users)
        user = np.repeat(np.arange(n_users), counts)
        before = np.cumsum(counts) - counts
        day = np.arange(len(user)) - before[user] + random.integers(0, MOST_ROWS + 1 - counts)[user]
        signal = self.of_user * random.normal(size=n_users)[user] + self.of_row * random.normal(size=len(user))
        truth = self.base + signal + self.unseen * random.normal(size=n_users)[user]
        label = (random.random(len(user)) < sigmoid(truth)).astype(np.float64)
        return _Rows(user, day, signal, label)

    def honest(self, signal: Vector, blur: float = 0.0) -> Vector:
        """Returns calibrated log-odds given the signal with noise of standard deviation `blur`."""
        spread = self.of_user**2 + self.of_row**2
        seen = spread / (spread + blur**2)
        hidden = self.unseen**2 + spread * (1 - seen)
        return np.asarray((self.base + seen * signal) / np.sqrt(1 + LOGISTIC**2 * hidden))

    def outcomes(self, n_users: int, random: np.random.Generator) -> Outcomes:
        """Returns test rows as an evaluation reads them, with a weaker recency rule that has ties."""
        rows = self.rows(n_users, random)
        log_odds = self.honest(rows.signal)
        recency = np.clip(np.floor(12 + 4 * (rows.signal + 1.5 * random.normal(size=len(log_odds)))), 0, 29)
        return Outcomes(
            rows.user, rows.day, recency, rows.label, sigmoid(1.6 * log_odds), sigmoid(self.trust * log_odds)
        )


@dataclass(frozen=True)
class _Rows:
    """User, day, signal and label of every row."""

    user: Codes
    day: Codes
    signal: Vector
    label: Vector
