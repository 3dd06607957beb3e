"""The periods in which `user_activity` is made: what fits into the memory at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby, pairwise

import duckdb

from churn_duck.warehouse.as_of import Built
from churn_duck.warehouse.catalog import EARLIEST, LATEST
from churn_duck.warehouse.query import literal
from churn_duck.warehouse.raw_files import RawFiles, name_of

# a period is a month or so, shorter where that is too much for the memory, longer where it is little
PERIOD_DAYS, MANY_EVENTS, FEW_EVENTS = 31, 16_000_000, 1_000_000

# first and last day of each
Periods = tuple[tuple[date, date], ...]


def landed_periods(con: duckdb.DuckDBPyConnection, files: list[str]) -> Periods:
    """The periods of all that has landed: from the footers of the events."""
    return _periods(
        *con.execute(
            "select cast(min(event_time) as date), cast(max(event_time) as date), count(*) "
            f"from read_parquet({literal(files)})"
        ).fetchall()[0]
    )


def known_periods(con: duckdb.DuckDBPyConnection) -> Periods:
    """The periods of `user_activity` and `changed_days`: what landed before is not opened for them."""
    return _periods(
        *con.execute(
            """select
                least(min(activity_date), (select min(activity_date) from changed_days)),
                greatest(max(activity_date), (select max(activity_date) from changed_days)),
                coalesce(sum(total_events), 0) + (select count(*) from changed_days)
            from user_activity"""
        ).fetchall()[0]
    )


def _periods(first: date | None, last: date | None, events: int) -> Periods:
    if first is None or last is None:
        return ((EARLIEST, LATEST),)
    days = (last - first).days + 1
    count = max(min(days // PERIOD_DAYS, events // FEW_EVENTS), events // MANY_EVENTS, 1)
    step = -(-days // count)
    starts = [first + timedelta(days=offset) for offset in range(0, days, step)]
    return tuple((start, after - timedelta(days=1)) for start, after in pairwise([*starts, last + timedelta(days=1)]))


def changed_periods(con: duckdb.DuckDBPyConnection, periods: Periods) -> Periods | None:
    """Runs of `changed_days`, none across two of `periods`; None: so many that making all days anew is less work."""
    days = [row[0] for row in con.execute("from changed_days order by all").fetchall()]
    known = con.execute("select count(distinct activity_date) from user_activity").fetchall()[0][0]
    return None if len(days) > known / 2 else tuple(_runs(days, periods))


def _runs(days: Sequence[date], periods: Periods) -> Iterator[tuple[date, date]]:
    """First and last day of each run of days that follow one another in one period."""
    for first, last in periods:
        own = [day for day in days if first <= day <= last]
        # days that follow one another keep their distance to their place
        for _, run in groupby(enumerate(own), key=lambda placed: placed[1] - timedelta(days=placed[0])):
            together = [day for _, day in run]
            yield together[0], together[-1]


def held_landing(raw: RawFiles, before: Built | None, now: Built | None) -> int | None:
    """The newest landing that the tables hold; None: the SQL has changed, or a file that they were made of is gone."""
    if before is None or now is None or before.sql_hash != now.sql_hash:
        return None
    return next((number for number in raw.landing_numbers if raw.hash_until(number) == before.data_hash), None)


def touched(con: duckdb.DuckDBPyConnection, raw: RawFiles) -> list[str]:
    """The events files that can hold an id which came after `raw.after_landing`; never none, since a view needs one."""
    return _named(
        con,
        raw,
        f"""select file_name from landed_files as held where exists (
            select came.landing from landed_files as came
            where came.landing > {raw.after_landing}
                and came.source_table = 'events'
                and coalesce(
                    held.first_event_id <= came.last_event_id and held.last_event_id >= came.first_event_id, true
                )
        )""",
    )


def meets_users(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether users came whose events came before them, and may be in any file."""
    query = "select count(*) > 0 from unknown_users where user_id in (select user_id from users_clean)"
    return bool(con.execute(query).fetchall()[0][0])


def of_changed_days(con: duckdb.DuckDBPyConnection, raw: RawFiles) -> list[str]:
    """The events files that can hold an event of `changed_days`; never none, since a view needs one."""
    return _named(
        con,
        raw,
        """select file_name from landed_files where exists (
            select activity_date from changed_days
            where coalesce(
                activity_date between cast(first_event_time as date) and cast(last_event_time as date), true
            )
        )""",
    )


def _named(con: duckdb.DuckDBPyConnection, raw: RawFiles, query: str) -> list[str]:
    names = {name for (name,) in con.execute(query).fetchall()}
    return [path for path in raw.events if name_of(path) in names] or raw.events[-1:]
