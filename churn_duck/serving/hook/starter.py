"""The interface for starting a retraining, as a local process or a Kubernetes Job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Started:
    """The retraining that runs, or why no new one was started."""

    name: str
    is_new: bool
    message: str


class StartFailed(Exception):
    """The retraining could not be started, through no fault of the caller."""


class Starter(Protocol):
    """Where retrainings run."""

    def start(self, alerts: Sequence[str]) -> Started:
        """Start one for these alerts, unless one started within the cooldown or is running. Raises: StartFailed."""


def retrain_options(alerts: Sequence[str]) -> list[str]:
    """Returns the options that record why `retrain` runs; they go last, since the last of repeated options counts.

    Only the alert is known here; `retraining_triggers` judges the data. A list that ranked worse than the recency rule
    raises the alert, but is a `realised_loss` only if its interval excludes sampling noise.
    """
    return ["--reason", "alert", "--message", f"alert: {', '.join(alerts)}"]
