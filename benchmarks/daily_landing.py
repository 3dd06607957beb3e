"""What landing one more day costs after 2 and after 12 months of history, beside a full build of the same.

Prints medians over the measured days and their ratios, by the clock and in CPU time:
`uv run python benchmarks/daily_landing.py [--n-users 20000]`.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import duckdb

from churn_duck.ingestion.land import land_sources
from churn_duck.progress import no_progress
from churn_duck.proof.generate import generate
from churn_duck.proof.synthetic import World
from churn_duck.settings.config import Settings
from churn_duck.warehouse.build import build
from churn_duck.warehouse.query import literal
from churn_duck.warehouse.store import Warehouse, connected, open_warehouse

START, DAYS = date(2025, 1, 1), 365
AGES = (60, 358)
MEASURED, FULL = 7, 3


def split_by_day(folder: Path, n_users: int) -> None:
    """One file of users and one of events for each day; 2 % of the events come up to five days late."""
    list(generate(World(n_users=n_users, days=DAYS, start_date=START), folder))
    con = duckdb.connect()
    con.execute(f"""create table events as
        select *, cast(event_time as date) + if(hash(event_id) % 50 = 0, cast(hash(event_id) % 5 as integer) + 1, 0)
            as arrives
        from {literal(str(folder / "events.parquet"))}""")
    con.execute(f"create table users as from {literal(str(folder / 'users.parquet'))}")
    for number in range(DAYS + 6):
        day = START + timedelta(days=number)
        signed_up = f"signup_date = {literal(day)}" if number else f"signup_date <= {literal(day)}"
        for table, where in (("users", signed_up), ("events", f"arrives = {literal(day)}")):
            query = f"select * {'exclude (arrives)' if table == 'events' else ''} from {table} where {where}"
            con.execute(f"copy ({query}) to {literal(str(folder / f'{table}-{number:03d}.parquet'))} (format parquet)")
    con.close()


class Spent(NamedTuple):
    """Seconds by the clock, and of the processor: what others do meanwhile counts in the first only."""

    wall: float
    cpu: float


def spent(work: Callable[[], None]) -> Spent:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def median(times: Sequence[Spent]) -> Spent:
    return Spent(*(statistics.median(column) for column in zip(*times, strict=True)))


def land_day(warehouse: Warehouse, folder: Path, number: int) -> None:
    """Land one day's two files."""
    users, events = (str(folder / f"{table}-{number:03d}.parquet") for table in ("users", "events"))
    land_sources(warehouse, users, events, no_progress)


def build_once(warehouse: Warehouse, full: bool = False) -> None:
    """One build, connecting included."""
    with connected(warehouse) as con:
        list(build(con, warehouse, full=full))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--n-users", type=int, default=20_000)
    n_users = options.parse_args().n_users
    with TemporaryDirectory(prefix="daily-") as scratch:
        files = Path(scratch) / "files"
        split_by_day(files, n_users)
        found = measured(grown(files, Path(scratch)), files)
    for place, clock in enumerate(("seconds", "CPU seconds")):
        show({age: [times[place] for times in row] for age, row in found.items()}, clock)


def grown(files: Path, scratch: Path) -> dict[int, Warehouse]:
    """A warehouse of each age, landed day by day and built every month."""
    warehouse = open_warehouse(Settings(), scratch / "growing")
    for number in range(max(AGES)):
        if number in AGES:
            shutil.copytree(warehouse.root, scratch / str(number))
        land_day(warehouse, files, number)
        if number % 30 == 29:
            build_once(warehouse)
    shutil.copytree(warehouse.root, scratch / str(max(AGES)))
    return {age: open_warehouse(Settings(), scratch / str(age)) for age in AGES}


def measured(warehouses: dict[int, Warehouse], files: Path) -> dict[int, list[Spent]]:
    """By age: medians of landing, build and full build, the ages in turn, since a machine is not the same for long."""
    times: dict[int, list[list[Spent]]] = {age: [[], [], []] for age in AGES}
    for turn in range(MEASURED):
        for age, warehouse in warehouses.items():
            landed, built, full = times[age]
            if turn < FULL:
                full.append(spent(partial(build_once, warehouse, full=True)))
            landed.append(spent(partial(land_day, warehouse, files, age + turn)))
            built.append(spent(partial(build_once, warehouse)))
    return {age: [median(one) for one in row] for age, row in times.items()}


def show(found: dict[int, list[float]], clock: str) -> None:
    """A table of one clock, and the ratio."""
    print(f"| days of history, {clock} | land | build | both | full build |\n| --- | --- | --- | --- | --- |")
    for age, (landing, building, full) in found.items():
        print(f"| {age} | {landing:.2f} | {building:.2f} | {landing + building:.2f} | {full:.2f} |")
    early, late = (sum(found[age][:2]) for age in AGES)
    print(f"\na day costs {late / early:.2f} times as much after {AGES[1]} days as after {AGES[0]}\n")


if __name__ == "__main__":
    main()
