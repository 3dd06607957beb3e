"""From raw Parquet to the training set, and one day to score, against the strongest peers, each in its own process.

    uv run python benchmarks/pipeline.py [--users 200000] [--days 120] [--runs 3] [--work weekly daily day pandas]

weekly, daily: land, build and export `training_dataset`, against Polars and DuckDB window functions that start from the
same files and write the same rows. day: build, then write `scoring_dataset`, with 60 and with 365 days of history.
pandas: the weekly work on a tenth of the users, with pandas beside the others.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import duckdb
from load import generate
from measured import Took, medians, run, table
from peers import PEERS

STEPS = {"weekly": 7, "daily": 1, "pandas": 7}
DAY_HISTORIES = (60, 365)


def ours(load: Path, out: Path, step: int) -> None:
    """Land, build, export: what `churn-duck` does in three commands, in one process."""
    from churn_duck.ingestion.land import land  # noqa: PLC0415
    from churn_duck.settings.load import parse_settings  # noqa: PLC0415
    from churn_duck.warehouse.build import build  # noqa: PLC0415
    from churn_duck.warehouse.export import export  # noqa: PLC0415
    from churn_duck.warehouse.store import connected, open_warehouse  # noqa: PLC0415

    settings = parse_settings({"training": {"snapshot_every_days": step}}, "benchmark")
    warehouse = open_warehouse(settings, out.with_suffix(".warehouse"))
    shutil.rmtree(warehouse.root, ignore_errors=True)
    list(land(warehouse, "users", str(load / "users.parquet")))
    list(land(warehouse, "events", str(load / "events")))
    with connected(warehouse) as con:
        list(build(con, warehouse))
        export(con, "training_dataset", out)


def day(load: Path, out: Path, step: int) -> None:
    """The rows to score of one evening, from a warehouse that has been built; leaves the median seconds beside them."""
    from churn_duck.settings.config import Settings  # noqa: PLC0415
    from churn_duck.warehouse.export import export  # noqa: PLC0415
    from churn_duck.warehouse.store import connected, open_warehouse  # noqa: PLC0415

    seconds = []
    for _ in range(5):
        with connected(open_warehouse(Settings(), load / "warehouse")) as con:
            begun = time.perf_counter()
            rows = export(con, "scoring_dataset", out)
            seconds.append(time.perf_counter() - begun)
    out.with_suffix(".txt").write_text(f"{median(seconds)} {rows}")


SIDES = {"ours": ours, "day": day, **PEERS}


def timed(side: str, load: Path, step: int) -> Took:
    """A side in a process of its own."""
    out = load / f"{side.replace(' ', '_')}_{step}.parquet"
    out.unlink(missing_ok=True)
    took = run([sys.executable, __file__, "--side", side, "--load", load, "--out", out, "--step", str(step)])
    print(f"{side}: {took.wall:.1f} s, {took.cpu:.1f} CPU s, {took.peak:.2f} GB", file=sys.stderr, flush=True)
    return took


def checksum(path: Path) -> tuple[int, ...]:
    """Rows, churners, and sums that differ when any step does."""
    sums = (
        "churn_label",
        "watch_minutes_30d",
        "quiz_avg_score_14d",
        "logins_7d",
        "days_since_last_activity",
        "payment_fail_rate_30d",
    )
    columns = ", ".join(f"cast(round(sum({name})) as bigint)" for name in sums)
    return duckdb.sql(f"select count(*), {columns} from '{path}'").fetchall()[0]


def compare(work: str, sides: list[str], load: Path, runs: int) -> list[list[str]]:
    """Runs of all sides in turn; a row of the table each, ratios to ours of the same turn."""
    step = STEPS[work]
    took: dict[str, list[Took]] = {side: [] for side in sides}
    for _ in range(runs):
        for side in sides:
            took[side].append(timed(side, load, step))
    sums = {side: checksum(load / f"{side.replace(' ', '_')}_{step}.parquet") for side in sides}
    lines = []
    for side in sides:
        one = medians(took[side])
        wall, cpu, peak = (
            median(getattr(b, what) / getattr(a, what) for a, b in zip(took["ours"], took[side], strict=True))
            for what in ("wall", "cpu", "peak")
        )
        # a peer in float32 may differ in the last digit of a rounded sum
        same = all(abs(a - b) <= 1e-5 * abs(b) for a, b in zip(sums[side], sums["ours"], strict=True))
        seconds = (f"{one.wall:.1f}", f"{one.cpu:.1f}", f"{one.peak:.2f}")
        ratios = (f"{wall:.2f}", f"{cpu:.2f}", f"{peak:.2f}")
        lines.append([work, side, f"{sums[side][0]:,}", "yes" if same else f"NO {sums[side]}", *seconds, *ratios])
    return lines


def one_day(folder: Path, users: int, runs: int) -> str:
    """Seconds to write one day's rows with little and with much history."""
    took: dict[int, list[float]] = {}
    rows: dict[int, float] = {}
    for days in DAY_HISTORIES:
        load = folder / f"load_{users}_{days}"
        prepared(load, users, days)
        run([sys.executable, __file__, "--side", "ours", "--load", load, "--out", load / "x.parquet", "--step", "7"])
        shutil.rmtree(load / "warehouse", ignore_errors=True)
        (load / "x.warehouse").rename(load / "warehouse")
        # the views hold absolute paths
        run([Path(sys.executable).with_name("churn-duck"), "--warehouse", load / "warehouse", "build"])
    for _ in range(runs):
        for days in DAY_HISTORIES:
            load = folder / f"load_{users}_{days}"
            timed("day", load, 1)
            seconds, rows[days] = map(float, (load / "day_1.txt").read_text().split())
            took.setdefault(days, []).append(seconds)
    ratio = median(long / short for short, long in zip(*took.values(), strict=True))
    told = "; ".join(f"{days} days of history: {median(took[days]):.2f} s, {rows[days]:,.0f} rows" for days in took)
    return f"one day to score, {users:,} users, {told}; median of paired ratios {ratio:.2f}"


def prepared(load: Path, users: int, days: int) -> Path:
    """The generated log, made once."""
    if not (load / "users.parquet").exists():
        generate(load, users, days)
    return load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--days", type=int, default=120)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--work", nargs="+", choices=(*STEPS, "day"), default=[*STEPS, "day"])
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    for hidden in ("--load", "--out"):
        parser.add_argument(hidden, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--step", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        SIDES[asked.side](asked.load, asked.out, asked.step)
        return
    with TemporaryDirectory() as scratch:
        folder, lines, told = asked.folder or Path(scratch), [], []
        for work in asked.work:
            if work == "day":
                told.append(one_day(folder, asked.users, asked.runs))
                continue
            users = asked.users // 10 if work == "pandas" else asked.users
            sides = ["ours", "polars", "duckdb windows", *(["pandas"] if work == "pandas" else [])]
            load = prepared(folder / f"load_{users}_{asked.days}", users, asked.days)
            lines += compare(work, sides, load, asked.runs)
    columns = ("work", "side", "rows", "same sums", "wall s", "CPU s", "peak GB", "wall ÷", "CPU ÷", "memory ÷")
    print(table(columns, lines))
    print("", *told, sep="\n")


if __name__ == "__main__":
    main()
