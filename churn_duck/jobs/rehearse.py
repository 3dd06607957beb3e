"""A replay of a log of the past: land, score, monitor and retrain day by day, as if each day were today."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from churn_duck.errors import LandingError, WarehouseError
from churn_duck.ingestion.land import land_configured, land_sources
from churn_duck.jobs.daily import daily
from churn_duck.jobs.run import run
from churn_duck.jobs.run_log import recorded
from churn_duck.monitoring.performance import performance
from churn_duck.progress import Progress
from churn_duck.settings.config import Settings, Sources
from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.query import literal
from churn_duck.warehouse.store import Warehouse, open_warehouse, working


@dataclass(frozen=True)
class Log:
    """Typed users and events, from which each landing is taken."""

    con: duckdb.DuckDBPyConnection
    folder: Path

    def last_day(self) -> date:
        """Returns the last day with an event. Raises: LandingError when there is none."""
        last = self.con.execute("select cast(max(event_time) as date) from events").fetchall()[0][0]
        if last is None:
            raise LandingError("the log has no valid event")
        return date.fromisoformat(str(last))

    def landing(self, after: date | None, until: date) -> dict[str, str]:
        """Writes what arrived after `after`, up to `until`; returns the file of each table that has rows."""
        arrived = {
            # a user arrives with the signup, or with the first event where that was earlier
            "users": "from (select users.* from users left join arrivals using (user_id)"
            f" where {_between('least(signup_date, coalesce(arrival_date, signup_date))', after, until)})",
            "events": f"from events where {_between('cast(event_time as date)', after, until)}",
        }
        files = {}
        for table, query in arrived.items():
            if self.con.execute(f"select count(*) {query}").fetchall()[0][0]:
                files[table] = str(self.folder / f"{table}-{until}.parquet")
                self.con.execute(f"copy ({query}) to {literal(files[table])} (format parquet)")
        return files


def _between(day: str, after: date | None, until: date) -> str:
    since = f"{day} > date {literal(after)} and " if after else ""
    return f"{since}{day} <= date {literal(until)}"


def rehearse(
    warehouse: Warehouse,
    users: str | None,
    events: str | None,
    first: date,
    every: int,
    until: date | None,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Replay the log from `first` on, in steps of `every` days; returns the rows of `timeline`.

    The first step runs the main job, every later one the daily job with retraining.
    Raises: WarehouseError when the warehouse holds data already; ChurnDuckError as the stages do.
    """
    if warehouse.raw("users").exists() or warehouse.raw("events").exists():
        raise WarehouseError(f"{warehouse.root} holds data; a rehearsal needs a --warehouse DIR of its own")
    # the log is typed already, whatever the settings say of its source
    own = replace(warehouse, settings=warehouse.settings.model_copy(update={"sources": Sources()}))
    with TemporaryDirectory(prefix="rehearsal-") as scratch, closing(duckdb.connect()) as con:
        log = _read(con, warehouse.settings, Path(scratch), users, events, progress)
        end = until or log.last_day()
        before: date | None = None
        for day in _days(first, end, every):
            progress(f"replaying {day}")
            _replay(own, log.landing(before, day), day, before is None, progress)
            before = day
    with working(own, "rehearse") as con:
        performance(con, own, before, progress)
        set_as_of_date(con, own, before)
        return list(con.sql("from timeline order by as_of_date").pl().iter_rows(named=True))


def _days(first: date, end: date, every: int) -> Iterator[date]:
    for step in range((end - first).days // every + 1):
        yield first + timedelta(days=step * every)


def _replay(warehouse: Warehouse, files: dict[str, str], day: date, is_first: bool, progress: Progress) -> None:
    """Replay one day in its own connection, as a scheduled job would."""
    with recorded(warehouse, "rehearse", day) as (con, entry):
        landed = land_sources(warehouse, files.get("users"), files.get("events"), progress)
        entry.row_count = sum(landing.rows for landing in landed)
        if is_first:
            run(con, warehouse, day, None, progress)
        else:
            daily(con, warehouse, day, progress, retrains=True)


def _read(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    scratch: Path,
    users: str | None,
    events: str | None,
    progress: Progress,
) -> Log:
    staging = open_warehouse(settings, scratch / "staging")
    land_sources(staging, users, events, progress) if users and events else land_configured(staging, progress)
    raw = staging.raw_files()
    con.execute("set TimeZone = 'UTC'")
    for table, paths in (("users", raw.users), ("events", raw.events)):
        con.execute(
            f"create table {table} as select * exclude (landing, source_row) from read_parquet({literal(paths)})"
        )
    con.execute(
        """create table arrivals as
        select user_id, cast(min(event_time) as date) as arrival_date from events group by user_id"""
    )
    return Log(con, scratch)
