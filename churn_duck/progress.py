"""How long work reports its steps."""

from __future__ import annotations

from collections.abc import Callable

# hears each step of long work
Progress = Callable[[str], None]


def no_progress(step: str) -> None:
    """For work that nobody listens to."""
