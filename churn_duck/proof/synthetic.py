"""Parameters of the generator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from churn_duck.errors import ConfigError


@dataclass(frozen=True)
class World:
    """Parameters of simulated data: `churn_base_rate` is the share of users that lose interest within any 120 days.

    From `change_date` on, users come 40 % as often, and watch twice as long when they do.
    """

    n_users: int = 2000
    days: int = 120
    start_date: date = date(2025, 1, 1)
    seed: int = 42
    paid_ratio: float = 0.35
    churn_base_rate: float = 0.35
    change_date: date | None = None

    def __post_init__(self) -> None:
        if self.n_users < 1 or self.days < 1 or self.seed < 0:
            raise ConfigError(
                f"n-users {self.n_users} and days {self.days} must be at least 1, seed {self.seed} at least 0"
            )
        for name, share in (("paid-ratio", self.paid_ratio), ("churn-base-rate", self.churn_base_rate)):
            if not 0 <= share < 1:
                raise ConfigError(f"{name} is {share}; it must be at least 0 and below 1")
