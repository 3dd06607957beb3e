"""Every stage of the main job on one large log: seconds, peak memory, disk.

    uv run python benchmarks/stages.py [--users 1000000] [--days 365] [--memory-limit 6GB] [--folder DIR]

The log is made by load.py, once, in DIR/load. DIR needs about 30 GB for a million users and a year.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from load import generate
from measured import run, table

STAGES = ("land", "validate", "build", "train", "promote", "score")


def disk(folder: Path) -> float:
    """GB below a folder."""
    return float(subprocess.check_output(["du", "-sk", folder], text=True).split()[0]) / 1e6


def stages(folder: Path, users: int, days: int, memory_limit: str) -> list[list[str]]:
    """Run them in turn in a fresh warehouse; a row of the table each."""
    load, warehouse, config = folder / "load", folder / "warehouse", folder / "churn_duck.yaml"
    if not load.exists():
        generate(load, users, days)
    shutil.rmtree(warehouse, ignore_errors=True)
    settings = {"warehouse": str(warehouse), "engine": {"memory_limit": memory_limit, "threads": 2}}
    config.write_text(yaml.safe_dump(settings))
    rows = []
    for stage in STAGES:
        more = ["--users", load / "users.parquet", "--events", load / "events"] if stage == "land" else []
        took = run([Path(sys.executable).with_name("churn-duck"), "--config", config, stage, *more])
        rows.append([stage, f"{took.wall:.0f}", f"{took.cpu:.0f}", f"{took.peak:.1f}", f"{disk(warehouse):.1f}"])
        print(*rows[-1], file=sys.stderr, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--memory-limit", default="6GB")
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    with TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        rows = stages(folder, asked.users, asked.days, asked.memory_limit)
    print(table(("stage", "wall s", "CPU s", "peak GB", "disk GB after it"), rows))


if __name__ == "__main__":
    main()
