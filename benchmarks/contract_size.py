"""Median seconds of `land`, `build` and `export training_dataset` through the command line, on generated data."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

CHURN_DUCK = Path(sys.executable).with_name("churn-duck")


def churn_duck(*arguments: object) -> float:
    """Seconds of one command; ends the benchmark with the command's message when it fails."""
    started = time.perf_counter()
    done = subprocess.run([CHURN_DUCK, *map(str, arguments)], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        sys.exit(f"churn-duck {' '.join(map(str, arguments))} ended with {done.returncode}\n{done.stderr}")
    return seconds


def repetition(files: Path, warehouse: Path) -> dict[str, float]:
    """Seconds of each step in a fresh warehouse."""
    own = ("--warehouse", warehouse)
    out = warehouse / "training_dataset.parquet"
    return {
        "land": churn_duck(*own, "land", "--users", files / "users.parquet", "--events", files / "events.parquet"),
        "build": churn_duck(*own, "build"),
        "export training_dataset": churn_duck(*own, "export", "training_dataset", out),
    }


def main() -> None:
    """Generate once, time every repetition, print medians and their sum."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=2000, help="users to invent (default: 2000)")
    parser.add_argument("--days", type=int, default=120, help="days of events (default: 120)")
    parser.add_argument("--repetitions", type=int, default=3, help="of every step (default: 3)")
    asked = parser.parse_args()
    if asked.repetitions < 1:
        parser.error("--repetitions must be at least 1")
    with TemporaryDirectory(prefix="churn-duck-bench-") as scratch:
        files = Path(scratch, "files")
        churn_duck("generate", "--out", files, "--n-users", asked.users, "--days", asked.days)
        runs = [repetition(files, Path(scratch, f"warehouse-{number}")) for number in range(asked.repetitions)]
    medians = {step: median(run[step] for run in runs) for step in runs[0]}
    print(f"{asked.users:,} users, {asked.days} days; median of {asked.repetitions} repetitions")
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    for step, seconds in {**medians, "sum": sum(medians.values())}.items():
        print(f"{step:<24}{seconds:8.2f} s")


if __name__ == "__main__":
    main()
