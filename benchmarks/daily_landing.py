"""What landing one more day costs after 2 and after 12 months of history, beside a full build of the same.

Prints medians over the measured days and their ratios: `uv run python benchmarks/daily_landing.py [--n-users 20000]`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from churn_duck.build import build
from churn_duck.catalog import literal
from churn_duck.config import Settings
from churn_duck.generate import generate
from churn_duck.land import land_sources
from churn_duck.warehouse import Warehouse, connected, open_warehouse, unheard
from churn_duck.world import World

START, DAYS = date(2025, 1, 1), 365
AGES = (60, 358)
MEASURED = 7


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


def land_day(warehouse: Warehouse, folder: Path, number: int) -> float:
    """Seconds to land one day's two files."""
    begun = time.perf_counter()
    users, events = (str(folder / f"{table}-{number:03d}.parquet") for table in ("users", "events"))
    land_sources(warehouse, users, events, unheard)
    return time.perf_counter() - begun


def build_seconds(warehouse: Warehouse, full: bool = False) -> float:
    """Seconds of one build, connecting included."""
    begun = time.perf_counter()
    with connected(warehouse) as con:
        list(build(con, warehouse, full=full))
    return time.perf_counter() - begun


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--n-users", type=int, default=20_000)
    n_users = options.parse_args().n_users
    found: dict[int, tuple[float, float, float]] = {}
    with TemporaryDirectory(prefix="daily-") as scratch:
        files, warehouse = Path(scratch) / "files", open_warehouse(Settings(), Path(scratch) / "warehouse")
        split_by_day(files, n_users)
        number = 0
        for age in AGES:
            while number < age:
                land_day(warehouse, files, number)
                number += 1
                if number % 30 == 0:
                    build_seconds(warehouse)
            full = statistics.median(build_seconds(warehouse, full=True) for _ in range(3))
            landed, built = [], []
            for _ in range(MEASURED):
                landed.append(land_day(warehouse, files, number))
                built.append(build_seconds(warehouse))
                number += 1
            found[age] = statistics.median(landed), statistics.median(built), full
    print("| days of history | land | build | both | full build |\n| --- | --- | --- | --- | --- |")
    for age, (landing, building, full) in found.items():
        print(f"| {age} | {landing:.2f} s | {building:.2f} s | {landing + building:.2f} s | {full:.2f} s |")
    early, late = (sum(found[age][:2]) for age in AGES)
    print(f"\na day costs {late / early:.2f} times as much after {AGES[1]} days as after {AGES[0]}")


if __name__ == "__main__":
    main()
