"""Every view and table from what has landed, in one transaction, and what each of them costs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import islice, pairwise
from pathlib import Path

import duckdb

from churn_duck.catalog import SqlFile, execute, find, literal, refreshing, rendered
from churn_duck.columns import TABLES, landed_columns, schema_text
from churn_duck.errors import WarehouseError
from churn_duck.files import write_text
from churn_duck.raw_files import RawFiles
from churn_duck.refresh import changed_periods, held_landing
from churn_duck.warehouse import Tell, Warehouse, built, transaction

# of user_activity: a period is a month or so, shorter where that is too much for the memory, longer where it is little
PERIOD_DAYS, MANY_EVENTS, FEW_EVENTS = 31, 16_000_000, 1_000_000


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
    ran: Callable[[str], None] | None = None,
    full: bool = False,
) -> Iterator[str]:
    """Make every view and table in one transaction; yields each name as its turn comes.

    Where landings were only added since the last build, the big tables keep all days but `changed_days`, unless `full`.
    The SQL of a full build is left under `compiled/`; `ran` hears the name after each statement.
    Raises: WarehouseError when files have landed under other columns; SqlError naming the view. The warehouse then
    stays as it was.
    """
    raw = warehouse.raw_files()
    require_columns(con, warehouse)
    raw = replace(raw, periods=activity_periods(con, raw.events) or None)
    texts = rendered(warehouse.settings, raw, as_of)
    before = None if full else built(con)
    with transaction(con):
        _require_ids(con, warehouse)
        yield from execute(con, {"params": texts["params"]}, ran)
        held = held_landing(raw, before, built(con))
        others = {name: text for name, text in texts.items() if name != "params"}
        if held is None:
            yield from execute(con, others, ran)
        else:
            yield from _refreshed(con, warehouse, replace(raw, after_landing=held), others, ran)
    for name, text in texts.items():
        _write_changed(warehouse.compiled / f"{name}.sql", text)
    con.execute("checkpoint")


def _write_changed(path: Path, text: str) -> None:
    # a hundred syncs take longer than the rest of a daily build
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def _refreshed(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    raw: RawFiles,
    texts: dict[str, str],
    ran: Callable[[str], None] | None,
) -> Iterator[str]:
    """As a full build, but the big tables are only brought up to what has landed."""
    texts = texts | {
        name: text for name, text in refreshing(warehouse.settings, raw).items() if name != "user_activity"
    }
    first = list(texts).index("changed_days") + 1
    yield from execute(con, dict(islice(texts.items(), first)), ran)
    periods = changed_periods(con, raw.periods or ())
    if periods is not None:
        texts["user_activity"] = refreshing(warehouse.settings, replace(raw, periods=periods))["user_activity"]
    yield from execute(con, dict(islice(texts.items(), first, None)), ran)


def activity_periods(con: duckdb.DuckDBPyConnection, files: list[str]) -> tuple[tuple[date, date], ...]:
    """The periods, first and last day, in which `user_activity` is made: from the footers of the landed events."""
    first, last, events = con.execute(
        "select cast(min(event_time) as date), cast(max(event_time) as date), count(*) "
        f"from read_parquet({literal(files)})"
    ).fetchall()[0]
    if not events:
        return ()
    days = (last - first).days + 1
    count = max(min(days // PERIOD_DAYS, events // FEW_EVENTS), events // MANY_EVENTS, 1)
    step = -(-days // count)
    starts = [first + timedelta(days=offset) for offset in range(0, days, step)]
    return tuple((start, after - timedelta(days=1)) for start, after in pairwise([*starts, last + timedelta(days=1)]))


def require_columns(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> None:
    """Raises WarehouseError when what has landed has other columns than the settings ask for."""
    for table in TABLES:
        asked = schema_text(landed_columns(warehouse.settings, table))
        rows = con.execute(
            "select file_name, decode(value) from parquet_kv_metadata(?) where decode(key) = 'columns'",
            [[str(path) for path in warehouse.landed(table)]],
        ).fetchall()
        other = [told for _, told in rows if told != asked]
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
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, tell: Tell, as_of: date | None = None
) -> Iterator[Cost]:
    """Build, then evaluate each view once; what each took. Macros and dense views are made, not evaluated."""
    moments: dict[str, list[float]] = {}
    peaks: dict[str, int] = {}
    con.execute("pragma enable_profiling = 'no_output'")

    def ran(name: str) -> None:
        moments[name].append(time.monotonic())
        peaks[name] = max(peaks.get(name, 0), _peak_bytes(con))

    for name in build(con, warehouse, as_of, ran, full=True):
        tell(f"building {name}")
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
