"""What a build can leave as it is: the landings that its tables hold, and the files that newer ones leave alone.

`landed_files` tells it without opening them. Where it does not know a file's ids or days, the file is read.
"""

from __future__ import annotations

import duckdb

from churn_duck.raw_files import RawFiles, name_of
from churn_duck.warehouse import Built


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
