"""Starting a retraining: once in a while, wherever it then runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Started:
    """What runs, or why nothing new was started."""

    name: str
    is_new: bool
    said: str


class StartFailed(Exception):
    """It should have started and could not; the fault is not the caller's."""


class Starter(Protocol):
    """Where retrainings run."""

    def start(self) -> Started:
        """Start one, unless one was started within the cooldown or still runs. Raises: StartFailed."""
