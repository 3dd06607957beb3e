"""Source files to typed, append-only Parquet; what cannot be typed goes to quarantine with its reason."""

from __future__ import annotations

import csv
import glob
import gzip
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import duckdb

from churn_duck.catalog import literal, render, sql_folder
from churn_duck.errors import LandingError
from churn_duck.files import replacing, sha256
from churn_duck.warehouse import Tell, Warehouse

Table = Literal["users", "events"]


@dataclass(frozen=True)
class Column:
    """A column of the contract: its type in the raw Parquet, and whether a row is unusable without it."""

    name: str
    type: Literal["bigint", "double", "date", "timestamp", "varchar"]
    required: bool = False
    optional_in_file: bool = False


COLUMNS: dict[Table, tuple[Column, ...]] = {
    "users": (
        Column("user_id", "bigint", required=True),
        Column("signup_date", "date", required=True),
        Column("plan", "varchar"),
        Column("is_paid", "bigint"),
        Column("country", "varchar"),
        Column("marketing_source", "varchar"),
        Column("engagement_score", "double", optional_in_file=True),
    ),
    "events": (
        Column("event_id", "bigint", required=True),
        Column("user_id", "bigint", required=True),
        Column("event_time", "timestamp", required=True),
        Column("event_type", "varchar", required=True),
        Column("course_id", "varchar"),
        Column("watch_minutes", "double"),
        Column("quiz_score", "double"),
        Column("amount", "double"),
    ),
}


@dataclass(frozen=True)
class Landed:
    """What became of one source file."""

    table: Table
    source: str
    file: str
    rows: int
    quarantined_rows: int
    untyped_values: int
    already_landed: bool
    missing_columns: list[str]
    ignored_columns: list[str]


@dataclass(frozen=True)
class _Task:
    """One source file on its way: `number` is the landing's, `rows_before` counts its earlier files' rows."""

    table: Table
    path: Path
    name: str
    number: int
    rows_before: int


def land(warehouse: Warehouse, table: Table, pattern: str, number: int | None = None) -> Iterator[Landed]:
    """Land every file that `pattern` (a path or a glob; CSV or Parquet) names; a content landed before is skipped.

    `number` is the landing's; None: the next one.

    Raises: LandingError for a missing or unreadable file, or one without a column that every row needs.
    """
    number = number or _next_number(warehouse)
    rows_before = 0
    for order, path in enumerate(_matching(table, pattern)):
        digest = sha256(path)
        known = sorted(warehouse.raw(table).glob(f"*-{digest[:16]}.parquet"))
        if known:
            yield _again(table, path, known[0])
            continue
        name = f"{number:06d}-{order:04d}-{digest[:16]}.parquet"
        landed = _land_file(warehouse, _Task(table, path, name, number, rows_before))
        rows_before += landed.rows + landed.quarantined_rows
        yield landed


def land_sources(warehouse: Warehouse, users: str | None, events: str | None, tell: Tell) -> list[Landed]:
    """Land the given files or globs, users first.

    Raises: LandingError for a file of no use, or for files of somebody's own in a warehouse that `demo` made.
    """
    landed: list[Landed] = []
    number = _next_number(warehouse)
    for table, pattern in zip(COLUMNS, (users, events), strict=True):
        if pattern is not None and warehouse.is_invented and Path(pattern).parent != warehouse.generated:
            raise LandingError(
                f"{warehouse.root} holds the users that demo invented, and your own must not mix with them; "
                f"give them another --warehouse DIR, or delete {warehouse.root}"
            )
        if pattern is not None:
            tell(f"landing {table}")
            landed.extend(land(warehouse, table, pattern, number))
    return landed


def _matching(table: Table, pattern: str) -> list[Path]:
    paths = [Path(found) for found in sorted(glob.glob(pattern, recursive=True)) if Path(found).is_file()]
    if not paths:
        raise LandingError(f"no file matches --{table} {pattern}")
    return paths


def _next_number(warehouse: Warehouse) -> int:
    names = [path.name for table in COLUMNS for path in warehouse.raw(table).glob("*.parquet")]
    return 1 + max((int(name.split("-")[0]) for name in names), default=0)


def _again(table: Table, path: Path, known: Path) -> Landed:
    with closing(duckdb.connect()) as con:
        rows = con.execute(f"select count(*) from read_parquet({literal(str(known))})").fetchall()[0][0]
    return Landed(table, str(path), known.name, rows, 0, 0, True, [], [])


def _land_file(warehouse: Warehouse, task: _Task) -> Landed:
    with closing(duckdb.connect()) as con:
        con.execute("set TimeZone = 'UTC'")
        try:
            return _write(con, warehouse, task, _read(con, task.table, task.path))
        except duckdb.Error as error:
            raise LandingError(f"cannot read {task.path}: {error}") from error


def _read(con: duckdb.DuckDBPyConnection, table: Table, path: Path) -> dict[str, str]:
    """Make the view `source` over the file; its columns, lower case, and their types."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    if suffixes[-1:] in ([".parquet"], [".pq"]):
        relation = f"read_parquet({literal(str(path))})"
    elif suffixes and suffixes[0 if suffixes[-1] == ".gz" else -1] in (".csv", ".tsv", ".txt"):
        relation = _csv(path)
    else:
        raise LandingError(f"{path} is neither .csv nor .parquet; convert it, or rename it to what it is")
    con.execute(f"create temp view source as select *, row_number() over () as source_row from {relation}")
    types = {str(row[0]).lower(): str(row[1]) for row in con.execute("describe source").fetchall()}
    lacking = [column.name for column in COLUMNS[table] if column.required and column.name not in types]
    if lacking:
        raise LandingError(
            f"{path} lacks {', '.join(lacking)}, without which no row can be used; it has: "
            + ", ".join(name for name in types if name != "source_row")
        )
    return types


def _csv(path: Path) -> str:
    """A CSV as text, nothing guessed but the delimiter; lines that are no rows end up in `reject_errors`."""
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as source:
            line = source.readline()
            delimiter = max(",;\t|", key=line.count)
            source.seek(0)
            names = next(csv.reader(source, delimiter=delimiter), [])
    except (OSError, UnicodeDecodeError) as error:
        raise LandingError(f"cannot read {path}: {error}; a CSV must be UTF-8") from error
    if not names:
        raise LandingError(f"{path} is empty: it lacks even a header")
    columns = ", ".join(f"{literal(name.strip().lower())}: 'VARCHAR'" for name in names)
    return (
        f"read_csv({literal(str(path))}, auto_detect = false, header = true, delim = {literal(delimiter)}, "
        f"quote = '\"', escape = '\"', columns = {{{columns}}}, ignore_errors = true, store_rejects = true)"
    )


def _write(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, task: _Task, found: dict[str, str]) -> Landed:
    context = _context(task, found)
    columns = COLUMNS[task.table]
    missing = [column.name for column in columns if column.name not in found and not column.optional_in_file]
    metadata = {
        "source_table": task.table,
        "landing": str(task.number),
        "source_file": task.path.name,
        "missing_columns": ", ".join(missing),
        "landed_at": datetime.now(UTC).replace(tzinfo=None).isoformat(" "),
    }
    con.execute(render(sql_folder() / "_landing.sql.jinja", context))
    with (
        replacing(warehouse.raw(task.table) / task.name) as raw,
        replacing(warehouse.quarantine(task.table) / task.name) as quarantine,
    ):
        _copy(con, "landed_rows", raw, metadata)
        # only now: DuckDB makes its table of rejected lines when a CSV has been read once
        con.execute(render(sql_folder() / "_quarantine.sql.jinja", context))
        _copy(con, "quarantined_values", quarantine, metadata)
        rows, untyped, lost = _counts(con, raw, quarantine)
    ignored = [name for name in found if name not in {column.name for column in columns} | {"source_row"}]
    return Landed(task.table, str(task.path), task.name, rows, lost, untyped, False, missing, ignored)


def _context(task: _Task, found: dict[str, str]) -> dict[str, object]:
    return {
        "table": task.table,
        "landing": task.number,
        "rows_before": task.rows_before,
        "columns": COLUMNS[task.table],
        "found": found,
        "source_columns": list(found),
        "required": [column.name for column in COLUMNS[task.table] if column.required],
        "is_csv": task.path.suffix.lower() not in (".parquet", ".pq"),
    }


def _counts(con: duckdb.DuckDBPyConnection, raw: Path, quarantine: Path) -> tuple[int, int, int]:
    """Rows landed, values that could not be typed, and rows kept in quarantine only."""
    counts = con.execute(
        "select (select count(*) from read_parquet(?)), count(*) filter (where row_is_kept), "
        "count(distinct source_row) filter (where not row_is_kept) from read_parquet(?)",
        [str(raw), str(quarantine)],
    ).fetchall()[0]
    return counts[0], counts[1], counts[2]


def _copy(con: duckdb.DuckDBPyConnection, view: str, path: Path, metadata: dict[str, str]) -> None:
    pairs = ", ".join(f"{key}: {literal(value)}" for key, value in metadata.items())
    con.execute(f"copy {view} to {literal(str(path))} (format parquet, compression zstd, kv_metadata {{{pairs}}})")
