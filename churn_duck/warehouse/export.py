"""Exports of views and tables to files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from churn_duck.errors import WarehouseError
from churn_duck.warehouse.catalog import find
from churn_duck.warehouse.files import replacing
from churn_duck.warehouse.query import literal
from churn_duck.warehouse.user_batches import DATES, parts

BATCH_ROWS = 122_880


def export(con: duckdb.DuckDBPyConnection, name: str, path: Path) -> int:
    """Writes all rows of a view or table to .parquet or .csv atomically and returns their number.

    Raises: WarehouseError for an unknown name, a macro, another kind of file, or an unbuilt warehouse.
    """
    if find(name).kind == "macro":
        raise WarehouseError(
            f"{name} is a macro that takes dates; in churn-duck shell: "
            f"copy (from {name}([date '2025-12-31'])) to '{path}'"
        )
    if path.suffix not in (".parquet", ".csv"):
        raise WarehouseError(f"cannot export to {path}: the name must end in .parquet or .csv")
    tables = con.execute("select 1 from information_schema.tables where table_name = ?", [name]).fetchall()
    if not tables:
        raise WarehouseError(f"{name} is not in the warehouse yet; run: churn-duck build")
    if name in DATES and path.suffix == ".parquet":
        queries = [f"from {name} where {part.where}" for part in parts(con, name)]
        return stream_to(con, queries, path)
    return copy_to(con, f"from {name}", path)


def copy_to(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> int:
    """Writes the rows of a query to .parquet or .csv atomically and returns their number."""
    form = "format csv, header" if path.suffix == ".csv" else "format parquet, compression zstd"
    with replacing(path) as partial:
        return int(con.execute(f"copy ({query}) to {literal(str(partial))} ({form})").fetchall()[0][0])


def stream_to(con: duckdb.DuckDBPyConnection, queries: Iterable[str], path: Path) -> int:
    """Writes the rows of several queries with one schema to one .parquet atomically and returns their number."""
    with replacing(path) as partial:
        return write_batches((batch for query in queries for batch in batches_of(con, query, BATCH_ROWS)), partial)


def batches_of(con: duckdb.DuckDBPyConnection, query: str, rows: int) -> Iterator[pa.RecordBatch]:
    """The rows of a query in batches; the first batch is empty and carries the schema."""
    reader = con.sql(query).to_arrow_reader(rows)
    yield pa.RecordBatch.from_pylist([], schema=reader.schema)
    yield from reader


def write_batches(batches: Iterable[pa.RecordBatch], path: Path) -> int:
    """Writes one or more batches with one schema as Parquet and returns the number of rows."""
    rows, writer = 0, None
    try:
        for batch in batches:
            writer = writer or pq.ParquetWriter(path, batch.schema, compression="zstd")
            writer.write_batch(batch)
            rows += batch.num_rows
    finally:
        if writer is not None:
            writer.close()
    return rows
