"""Every view and table from what has landed, in one transaction, and what each of them costs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path

import duckdb

from churn_duck.errors import WarehouseError
from churn_duck.progress import Progress
from churn_duck.settings.config import Settings
from churn_duck.settings.landed_columns import TABLES, landed_columns, schema_text
from churn_duck.warehouse.as_of import built
from churn_duck.warehouse.catalog import SqlFile, execute, find, rendered, rendered_only
from churn_duck.warehouse.files import write_text
from churn_duck.warehouse.incremental import (
    Periods,
    changed_periods,
    held_landing,
    known_periods,
    landed_periods,
    meets_users,
    of_changed_days,
    touched,
)
from churn_duck.warehouse.raw_files import RawFiles
from churn_duck.warehouse.store import Warehouse, transaction

# of a row for each user and day
BIG_TABLES = ("user_activity", "user_history")
# hears the name after each statement
Ran = Callable[[str], None] | None


@dataclass(frozen=True)
class Cost:
    """What one view took: `rows` and `peak_bytes` are None for a view that was not evaluated."""

    name: str
    kind: str
    rows: int | None
    seconds: float
    peak_bytes: int | None


def build(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    as_of: date | None = None,
    ran: Ran = None,
    full: bool = False,
) -> Iterator[str]:
    """Make every view and table in one transaction; yields each name as its turn comes.

    Where landings were only added since the last build, the big tables keep all days but `changed_days`, unless `full`.
    The SQL of a full build is left under `compiled/`; `ran` hears the name after each statement.
    Raises: WarehouseError when files have landed under other columns; SqlError naming the view. The warehouse then
    stays as it was.
    """
    raw = warehouse.raw_files()
    texts = rendered(warehouse.settings, raw, as_of)
    before = None if full else built(con)
    with transaction(con):
        _require_ids(con, warehouse)
        yield from execute(con, {"params": texts["params"]}, ran)
        raw = replace(raw, after_landing=held_landing(raw, before, built(con)))
        yield from execute(con, rendered_only(warehouse.settings, raw, ["landed_files"]), ran)
        require_columns(con, warehouse.settings)
        making = _made if raw.after_landing is None else _refreshed
        periods = yield from making(con, warehouse, raw, texts, ran)
    texts |= rendered_only(warehouse.settings, replace(raw, periods=periods, after_landing=None), BIG_TABLES)
    for name, text in texts.items():
        _write_changed(warehouse.compiled / f"{name}.sql", text)
    con.execute("checkpoint")


def _write_changed(path: Path, text: str) -> None:
    # a hundred syncs take longer than the rest of a daily build
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def _made(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, raw: RawFiles, texts: dict[str, str], ran: Ran
) -> Generator[str, None, Periods]:
    """Everything from nothing; the periods in which user_activity was made."""
    periods = landed_periods(con, raw.events)
    texts = texts | rendered_only(warehouse.settings, replace(raw, periods=periods), BIG_TABLES)
    yield from execute(con, {name: text for name, text in texts.items() if name not in ("params", "landed_files")}, ran)
    return periods


def _refreshed(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, raw: RawFiles, texts: dict[str, str], ran: Ran
) -> Generator[str, None, Periods]:
    """The big tables brought up to what has landed; all views that name no files are as the same SQL made them.

    Meanwhile the raw views show only the files that can matter, since DuckDB opens each that a view names.
    """
    only = partial(rendered_only, warehouse.settings)
    _show(con, warehouse, replace(raw, users=raw.arrived(raw.users) or raw.users[-1:], events=touched(con, raw)))
    yield from execute(con, only(raw, ["superseded_events", "users_clean"]), ran)
    if meets_users(con):
        _show(con, warehouse, raw)
    yield from execute(con, only(raw, ["changed_days", "unknown_users"]), ran)
    periods = known_periods(con)
    changed = changed_periods(con, periods)
    _show(con, warehouse, raw if changed is None else replace(raw, events=of_changed_days(con, raw)))
    yield from execute(con, only(replace(raw, periods=periods if changed is None else changed), BIG_TABLES), ran)
    yield from execute(con, {name: texts[name] for name in ("raw_users", "raw_events", "quarantine")}, ran)
    return periods


def _show(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, raw: RawFiles) -> None:
    """Let `raw_users` and `raw_events` show these files."""
    for _ in execute(con, rendered_only(warehouse.settings, raw, ["raw_users", "raw_events"])):
        pass


def require_columns(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Raises WarehouseError when what has landed has other columns than the settings ask for."""
    for table in TABLES:
        asked = schema_text(landed_columns(settings, table))
        rows = con.execute("select typed_columns from landed_files where source_table = ?", [table]).fetchall()
        other = [told for (told,) in rows if told not in (None, asked)]
        if other:
            raise WarehouseError(
                f"{len(other)} of {len(rows)} {table} files landed as ({other[0]}), the settings ask for ({asked}); "
                "land them again with this configuration: each replaces its earlier reading"
            )


def _require_ids(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> None:
    """The ledger outlives builds, so its ids cannot change their type."""
    kept = con.execute(
        "select lower(data_type) from duckdb_columns() where table_name = 'scores' and column_name = 'user_id'"
    ).fetchall()
    asked = landed_columns(warehouse.settings, "users")[0].type
    if kept and kept[0][0] != asked:
        raise WarehouseError(
            f"the ledger in {warehouse.database} holds {kept[0][0]} ids, users.id_type now asks for {asked}; "
            "take another --warehouse DIR"
        )


def explained(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, progress: Progress, as_of: date | None = None
) -> Iterator[Cost]:
    """Build, then evaluate each view once; what each took. Macros and dense views are made, not evaluated."""
    moments: dict[str, list[float]] = {}
    peaks: dict[str, int] = {}
    con.execute("pragma enable_profiling = 'no_output'")

    def ran(name: str) -> None:
        moments[name].append(time.monotonic())
        peaks[name] = max(peaks.get(name, 0), _peak_bytes(con))

    for name in build(con, warehouse, as_of, ran, full=True):
        progress(f"building {name}")
        moments[name] = [time.monotonic()]
    for name, times in moments.items():
        yield _cost(con, find(name), times[-1] - times[0], peaks.get(name, 0))
    con.execute("pragma disable_profiling")


def _cost(con: duckdb.DuckDBPyConnection, file: SqlFile, seconds: float, peak_bytes: int) -> Cost:
    if file.kind == "macro" or file.is_dense:
        return Cost(file.name, file.kind, None, seconds, None)
    if file.kind == "table":
        rows = con.execute(f"select count(*) from {file.name}").fetchall()[0][0]
        return Cost(file.name, file.kind, rows, seconds, peak_bytes)
    begun = time.monotonic()
    # every column of every row, as a reader would
    rows = sum(batch.num_rows for batch in con.sql(f"from {file.name}").to_arrow_reader(100_000))
    return Cost(file.name, file.kind, rows, time.monotonic() - begun, _peak_bytes(con))


def _peak_bytes(con: duckdb.DuckDBPyConnection) -> int:
    told = json.loads(con.get_profiling_information())
    # DuckDB 2 tells it in a section, 1.5 in a word
    return int(told.get("system", {}).get("peak_buffer_memory", told.get("system_peak_buffer_memory", 0)))
