"""Lands source files as typed, append-only Parquet; values that cannot be typed go to quarantine with a reason."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from churn_duck.errors import LandingError
from churn_duck.ingestion.readers import Opened, opened
from churn_duck.ingestion.sources import SourceFile, source_files
from churn_duck.progress import Progress
from churn_duck.settings.config import Source
from churn_duck.settings.landed_columns import TABLES, Column, Table, landed_columns, reading, schema_text, source_of
from churn_duck.warehouse.catalog import render, sql_folder
from churn_duck.warehouse.files import replacing, sha256
from churn_duck.warehouse.query import literal
from churn_duck.warehouse.raw_files import landing_of, raw_names
from churn_duck.warehouse.store import Warehouse, engine_config, utc_now


@dataclass(frozen=True)
class Landed:
    """The result of landing one source file."""

    table: Table
    source: str
    file: str
    rows: int
    quarantined_rows: int
    untyped_values: int
    already_landed: bool
    replaced: bool
    missing_columns: list[str]
    ignored_columns: list[str]


@dataclass(frozen=True)
class _Task:
    """One source file to land in landing `number`; `rows_before` counts the rows of its earlier files."""

    table: Table
    source: SourceFile
    columns: list[Column]
    time_zone: str
    content: str
    digest: str
    number: int
    order: int
    rows_before: int

    @property
    def name(self) -> str:
        """The name of the raw file; of two files with the same key the later landing counts."""
        key = f"q{self.source.query_key}" if self.source.query_key else self.content[:16]
        return f"{self.number:06d}-{self.order:04d}-{key}-{self.digest}.parquet"


def land(
    warehouse: Warehouse, table: Table, pattern: str | Source | None = None, number: int | None = None
) -> Iterator[Landed]:
    """Lands every file of a source; skips content that has landed before and was read in the same way.

    `pattern` is a path, a glob, a folder or a source; None: the configured source. `number` is that of the landing;
    None: the next number.

    Raises: LandingError for a missing or unreadable file, or one without a required column.
    """
    source = _source(warehouse, table, pattern)
    columns = landed_columns(warehouse.settings, table)
    number, rows_before = number or _next_number(warehouse), 0
    warehouse.root.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=warehouse.root, prefix=".landing-") as scratch:
        for order, file in enumerate(source_files(table, source, Path(scratch), warehouse.settings.engine)):
            content = _digest(sha256(file.path), *(f"{key}={value}" for key, value in file.hive.items()))
            digest = _digest(content, reading(columns, source.time_zone))[:16]
            task = _Task(table, file, columns, source.time_zone, content, digest, number, order, rows_before)
            earlier = [path for path in warehouse.landed(table) if path.name.endswith(f"-{digest}.parquet")]
            if earlier:
                yield _already_landed(task, earlier[0])
                continue
            landed = _land_file(warehouse, task, Path(scratch))
            rows_before += landed.rows + landed.quarantined_rows
            yield landed


def _source(warehouse: Warehouse, table: Table, pattern: str | Source | None) -> Source:
    configured = source_of(warehouse.settings, table)
    if isinstance(pattern, str):
        # other files, read in the same way
        return configured.model_copy(update={"path": pattern, "query": None, "connection": None})
    return pattern or configured


def land_sources(warehouse: Warehouse, users: str | None, events: str | None, progress: Progress) -> list[Landed]:
    """Lands the given files or globs, users first; None: no files of that table.

    Raises: LandingError for an unusable file, or for other files than the demo's in a warehouse that `demo` created.
    """
    return _land_all(warehouse, {"users": users, "events": events}, progress)


def land_configured(warehouse: Warehouse, progress: Progress) -> list[Landed]:
    """Lands the configured `sources`, users first. Raises: LandingError as `land_sources` does."""
    sources = {table: source_of(warehouse.settings, table) for table in TABLES}
    return _land_all(warehouse, {table: source for table, source in sources.items() if source.is_given}, progress)


def _land_all(warehouse: Warehouse, sources: Mapping[Table, str | Source | None], progress: Progress) -> list[Landed]:
    landed: list[Landed] = []
    number = _next_number(warehouse)
    for table in TABLES:
        source = sources.get(table)
        if source is None:
            continue
        path = source if isinstance(source, str) else source.path
        if warehouse.is_invented and (path is None or Path(path).parent != warehouse.generated):
            raise LandingError(
                f"{warehouse.root} holds demo data; load your own data into another warehouse: "
                f"--warehouse DIR, or delete {warehouse.root}"
            )
        progress(f"landing {table}")
        landed.extend(land(warehouse, table, source, number))
    return landed


def _next_number(warehouse: Warehouse) -> int:
    names = [name for table in TABLES for name in raw_names(warehouse.raw(table))]
    return 1 + max(map(landing_of, names), default=0)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _already_landed(task: _Task, earlier: Path) -> Landed:
    with closing(duckdb.connect()) as con:
        rows = con.execute(f"select count(*) from read_parquet({literal(str(earlier))})").fetchall()[0][0]
    return Landed(task.table, task.source.name, earlier.name, rows, 0, 0, True, False, [], [])


def _land_file(warehouse: Warehouse, task: _Task, scratch: Path) -> Landed:
    config = engine_config(warehouse.settings.engine, scratch / "spill")
    with closing(duckdb.connect(config=config)) as con:
        # applies to texts and times without a zone of their own
        con.execute(f"set TimeZone = {literal(task.time_zone)}")
        try:
            landed = _write(con, warehouse, task, opened(con, task.source, task.columns))
        except duckdb.Error as error:
            raise LandingError(f"cannot read {task.source.name}: {error}") from error
    return landed


def _write(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, task: _Task, file: Opened) -> Landed:
    context = _context(task, file)
    missing = [column.name for column in task.columns if not file.has(column) and not column.optional_in_file]
    metadata = {
        "source_table": task.table,
        "landing": str(task.number),
        "source_file": Path(task.source.name).name,
        "missing_columns": ", ".join(missing),
        "columns": schema_text(task.columns),
        "landed_at": utc_now().isoformat(" "),
    }
    con.execute(render(sql_folder() / "shared" / "landing.sql.jinja", context))
    with (
        replacing(warehouse.raw(task.table) / task.name) as raw,
        replacing(warehouse.quarantine(task.table) / task.name) as quarantine,
    ):
        _copy(con, "landed_rows", raw, metadata)
        # after the first read of a CSV, which creates DuckDB's table of rejected lines
        con.execute(render(sql_folder() / "shared" / "quarantine.sql.jinja", context))
        _copy(con, "quarantined_values", quarantine, metadata)
        rows, untyped, quarantined = _counts(con, raw, quarantine)
    replaced = _drop_replaced(warehouse, task)
    return Landed(
        task.table,
        task.source.name,
        task.name,
        rows,
        quarantined,
        untyped,
        False,
        replaced,
        missing,
        file.ignored(task.columns),
    )


def _drop_replaced(warehouse: Warehouse, task: _Task) -> bool:
    """Deletes the files that this landing replaces; `Warehouse.landed` skips them even if the process dies before."""
    old = warehouse.replaced(task.table)
    for path in old:
        path.unlink()
        (warehouse.quarantine(task.table) / path.name).unlink(missing_ok=True)
    return bool(old)


def _context(task: _Task, file: Opened) -> dict[str, object]:
    return {
        "table": task.table,
        "landing": task.number,
        "rows_before": task.rows_before,
        "columns": task.columns,
        "file": file,
        "time_zone": task.time_zone,
        "required": [column.name for column in task.columns if column.required],
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
    # version 2 has encodings for increasing numbers, which save a third of the size
    form = f"format parquet, parquet_version v2, compression zstd, kv_metadata {{{pairs}}}"
    con.execute(f"copy {view} to {literal(str(path))} ({form})")
