"""Any view or table of the warehouse as a file."""

from __future__ import annotations

from pathlib import Path

import duckdb

from churn_duck.catalog import find, literal
from churn_duck.errors import WarehouseError
from churn_duck.files import replacing


def export(con: duckdb.DuckDBPyConnection, name: str, path: Path) -> int:
    """Write all rows of a view or table to .parquet or .csv in one step; the number of rows.

    Raises: WarehouseError for an unknown name, a macro, another kind of file, or a warehouse that is not built.
    """
    if find(name).kind == "macro":
        raise WarehouseError(
            f"{name} is a macro and wants dates; in churn-duck shell: "
            f"copy (from {name}([date '2025-12-31'])) to '{path}'"
        )
    if path.suffix not in (".parquet", ".csv"):
        raise WarehouseError(f"cannot export to {path}: the name must end in .parquet or .csv")
    there = con.execute("select 1 from information_schema.tables where table_name = ?", [name]).fetchall()
    if not there:
        raise WarehouseError(f"{name} is not in the warehouse yet; run: churn-duck build")
    return copy_to(con, f"from {name}", path)


def copy_to(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> int:
    """Write a query's rows to .parquet or .csv in one step; the number of rows."""
    form = "format csv, header" if path.suffix == ".csv" else "format parquet, compression zstd"
    with replacing(path) as partial:
        return int(con.execute(f"copy ({query}) to {literal(str(partial))} ({form})").fetchall()[0][0])
