"""The as-of date: no view sees data after it."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple, TypedDict, cast

import duckdb

from churn_duck.errors import WarehouseError
from churn_duck.warehouse.catalog import rendered
from churn_duck.warehouse.query import records
from churn_duck.warehouse.store import Warehouse, transaction


def set_as_of_date(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, even_if_silent: bool = False
) -> date:
    """Sets the last day that the views see to `as_of` (None: the last complete day) and returns it.

    Refuses a day long after the last event unless `even_if_silent`.
    Raises: WarehouseError when the warehouse is not built, was built from other files or settings, or has no such day.
    """
    params = rendered(warehouse.settings, warehouse.raw_files(), as_of)["params"]
    before = _require_built(con, warehouse)
    with transaction(con):
        con.execute(params)
        for change, built_from, current in zip(
            ("files have landed", "settings or SQL have changed", "the folder has moved"),
            before,
            _require_built(con, warehouse),
            strict=True,
        ):
            if built_from != current:
                raise WarehouseError(f"{change} since {warehouse.database} was built; run: churn-duck build")
        return _checked_end(con, even_if_silent)


class Built(NamedTuple):
    """The inputs of a build: digests of the landed files and of the SQL, and the folder of the files."""

    data_hash: str
    sql_hash: str
    raw_folder: str


def built(con: duckdb.DuckDBPyConnection) -> Built | None:
    """The inputs of the last build, from `params`; None before the first."""
    try:
        return Built(*con.execute("select data_hash, sql_hash, raw_folder from params").fetchall()[0])
    except duckdb.CatalogException:
        return None


def _require_built(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> Built:
    inputs = built(con)
    if inputs is None:
        raise WarehouseError(f"{warehouse.database} has not been built; run: churn-duck build")
    return inputs


def _checked_end(con: duckdb.DuckDBPyConnection, even_if_silent: bool) -> date:
    first, last, end, slack = con.execute(
        "select first_event_date, last_event_date, as_of_date, smallest_window_days from period cross join params"
    ).fetchall()[0]
    if first is None:
        raise WarehouseError("no valid events; run: churn-duck validate")
    # beyond the smallest window every user would look silent, so the end of the data would look like churn
    if end < first or (not even_if_silent and (end - last).days >= slack):
        raise WarehouseError(f"as-of date {end} has no data; valid events run from {first} to {last}")
    return date.fromisoformat(str(end))


class Contents(TypedDict):
    """Rows by table, and ISO dates of `period`, NULL without a valid event."""

    users: int
    active_days: int
    changed_days: int
    first_event_date: str | None
    last_event_date: str | None
    as_of_date: str | None


def described(con: duckdb.DuckDBPyConnection) -> Contents:
    """How much data the warehouse holds, and for which days."""
    query = """select
            (select count(*) from users_clean) as users,
            (select count(*) from user_activity) as active_days,
            (select count(*) from changed_days) as changed_days,
            cast(first_event_date as varchar) as first_event_date,
            cast(last_event_date as varchar) as last_event_date,
            cast(as_of_date as varchar) as as_of_date
        from period"""
    return cast(Contents, records(con, query)[0])
