"""The loop on a log of the past: what landed, was scored, was doubted, was retrained, as if each day had been today."""

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
from churn_duck.warehouse.query import literal
from churn_duck.warehouse.store import Warehouse, open_warehouse, working


@dataclass(frozen=True)
class Log:
    """Typed users and events, from which the landings are cut."""

    con: duckdb.DuckDBPyConnection
    folder: Path

    def last_day(self) -> date:
        """The last day of events. Raises: LandingError when there is none."""
        found = self.con.execute("select cast(max(event_time) as date) from events").fetchall()[0][0]
        if found is None:
            raise LandingError("the log has no event of any use")
        return date.fromisoformat(str(found))

    def cut(self, after: date | None, until: date) -> dict[str, str]:
        """Files of the users and events that came after the evening of `after`, to that of `until`; none if empty."""
        arrived = {
            # a user comes with the signup, or with the first event where that was earlier
            "users": "from (select users.* from users left join arrivals using (user_id)"
            f" where {_between('least(signup_date, coalesce(came, signup_date))', after, until)})",
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
    """Land the log up to `first`, run the main job, then land, look and retrain every `every` days; the `timeline`.

    Raises: WarehouseError when the warehouse is in use already; ChurnDuckError as the stages do.
    """
    if warehouse.raw("users").exists() or warehouse.raw("events").exists():
        raise WarehouseError(f"{warehouse.root} holds data; a rehearsal needs a --warehouse DIR of its own")
    # what is cut from the log is typed already, whatever the settings say of its source
    own = replace(warehouse, settings=warehouse.settings.model_copy(update={"sources": Sources()}))
    with TemporaryDirectory(prefix="rehearsal-") as scratch, closing(duckdb.connect()) as con:
        log = _read(con, warehouse.settings, Path(scratch), users, events, progress)
        end = until or log.last_day()
        before: date | None = None
        for day in _days(first, end, every):
            progress(f"living through {day}")
            _live(own, log.cut(before, day), day, before is None, progress)
            before = day
    with working(own, "rehearse") as con:
        performance(con, own, before, progress)
        return list(con.sql("from timeline order by as_of_date").pl().iter_rows(named=True))


def _days(first: date, end: date, every: int) -> Iterator[date]:
    for step in range((end - first).days // every + 1):
        yield first + timedelta(days=step * every)


def _live(warehouse: Warehouse, files: dict[str, str], day: date, is_first: bool, progress: Progress) -> None:
    """One day of the loop; in its own connection, as a job of its own would be."""
    with recorded(warehouse, "rehearse", day) as (con, entry):
        landed = land_sources(warehouse, files.get("users"), files.get("events"), progress)
        entry.row_count = sum(one.rows for one in landed)
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
        "create table arrivals as select user_id, cast(min(event_time) as date) as came from events group by user_id"
    )
    return Log(con, scratch)
