"""The periods in which `user_activity` is made: what fits into the memory at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby, pairwise

import duckdb

from churn_duck.catalog import EARLIEST, LATEST, literal

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
