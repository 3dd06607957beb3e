"""The as-of date: every view ends on its evening."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

import duckdb

from churn_duck.errors import WarehouseError
from churn_duck.warehouse.catalog import rendered
from churn_duck.warehouse.store import Warehouse, transaction


def set_as_of_date(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, even_if_silent: bool = False
) -> date:
    """Let every view end on the evening of `as_of` (None: the last complete day); the date they end on.

    A day long after the last event is refused unless `even_if_silent`.
    Raises: WarehouseError when the warehouse is not built, was built from other files or settings, or has no such day.
    """
    params = rendered(warehouse.settings, warehouse.raw_files(), as_of)["params"]
    before = _require_built(con, warehouse)
    with transaction(con):
        con.execute(params)
        for changed, was, now in zip(
            ("files have landed", "settings or SQL have changed", "the folder has moved"),
            before,
            _require_built(con, warehouse),
            strict=True,
        ):
            if was != now:
                raise WarehouseError(f"{changed} since {warehouse.database} was built; run: churn-duck build")
        return _checked_end(con, even_if_silent)


class Built(NamedTuple):
    """What views and tables were made from: digests of the landed files and of the SQL, and where the files were."""

    data_hash: str
    sql_hash: str
    raw_folder: str


def built(con: duckdb.DuckDBPyConnection) -> Built | None:
    """What `params` tells; None before the first build."""
    try:
        return Built(*con.execute("select data_hash, sql_hash, raw_folder from params").fetchall()[0])
    except duckdb.CatalogException:
        return None


def _require_built(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> Built:
    found = built(con)
    if found is None:
        raise WarehouseError(f"{warehouse.database} has not been built; run: churn-duck build")
    return found


def _checked_end(con: duckdb.DuckDBPyConnection, even_if_silent: bool) -> date:
    first, last, end, slack = con.execute(
        "select first_event_date, last_event_date, as_of_date, smallest_window_days from period cross join params"
    ).fetchall()[0]
    if first is None:
        raise WarehouseError("there is not one clean event; churn-duck validate says why")
    # beyond the smallest window everyone would look silent, and the data ending would be taken for users leaving
    if end < first or (not even_if_silent and (end - last).days >= slack):
        raise WarehouseError(f"as-of date {end} has no data; clean events run from {first} to {last}")
    return date.fromisoformat(str(end))


def described(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """How much is in the warehouse, and of which days."""
    row = con.execute("""select
            (select count(*) from users_clean),
            (select count(*) from user_activity),
            (select count(*) from changed_days),
            cast(first_event_date as varchar),
            cast(last_event_date as varchar),
            cast(as_of_date as varchar)
        from period""").fetchall()[0]
    return dict(
        zip(
            ("users", "active_days", "changed_days", "first_event_date", "last_event_date", "as_of_date"),
            row,
            strict=True,
        )
    )
