"""A command in a process of its own, and what it took."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Took:
    """Wall and CPU seconds, and the peak of resident memory in GB."""

    wall: float
    cpu: float
    peak: float


def run(command: Sequence[str | Path], environment: dict[str, str] | None = None) -> Took:
    """Run to the end; its output is shown only when it fails."""
    begun = time.monotonic()
    process = subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    assert process.stdout is not None
    told = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 4):
        sys.exit(f"{' '.join(map(str, command))}: exit {process.returncode}\n{told}")
    # in kilobytes on Linux
    return Took(time.monotonic() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6)


def together(parts: Sequence[Took]) -> Took:
    """Several processes, one after another: times add up, memory is the highest."""
    return Took(sum(p.wall for p in parts), sum(p.cpu for p in parts), max(p.peak for p in parts))


def medians(runs: Sequence[Took]) -> Took:
    """Of repeated runs."""
    return Took(median(r.wall for r in runs), median(r.cpu for r in runs), median(r.peak for r in runs))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
