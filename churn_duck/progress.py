"""Progress of long jobs, step by step."""

from __future__ import annotations

from collections.abc import Callable

# callback that receives the name of each step
Progress = Callable[[str], None]


def no_progress(step: str) -> None:
    """Ignores progress."""
