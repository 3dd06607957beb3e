"""Starting a retraining: once in a while, wherever it then runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Started:
    """What runs, or why nothing new was started."""

    name: str
    is_new: bool
    message: str


class StartFailed(Exception):
    """It should have started and could not; the fault is not the caller's."""


class Starter(Protocol):
    """Where retrainings run."""

    def start(self, alerts: Sequence[str]) -> Started:
        """Start one for these alerts, unless one was started within the cooldown or still runs. Raises: StartFailed."""


def retrain_options(alerts: Sequence[str]) -> list[str]:
    """What `retrain` is told of why it runs, at the end of its command; of an option given twice, the last one counts.

    That an alert fired is all that is known here. What the data say to it is for `retraining_triggers`: a lost list,
    for instance, alerts as it is, and is a `realised_loss` only where the interval says that this is no chance.
    """
    return ["--reason", "alert", "--message", f"alert: {', '.join(alerts)}"]
