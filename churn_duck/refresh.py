"""What a build can leave as it is: the landings that its tables hold already, and the days that newer ones touch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby

import duckdb

from churn_duck.raw_files import RawFiles
from churn_duck.warehouse import Built

Periods = tuple[tuple[date, date], ...]


def held_landing(raw: RawFiles, before: Built | None, now: Built | None) -> int | None:
    """The newest landing that the tables hold; None: the SQL has changed, or a file that they were made of is gone."""
    if before is None or now is None or before.sql_hash != now.sql_hash:
        return None
    return next((number for number in raw.landing_numbers if raw.hash_until(number) == before.data_hash), None)


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
