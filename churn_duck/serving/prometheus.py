"""The figures of `batch_metrics` in the Prometheus text format, for the API and for a textfile."""

from __future__ import annotations

from itertools import groupby

import duckdb

from churn_duck.warehouse.files import write_text
from churn_duck.warehouse.store import Warehouse, opened_snapshot

Figure = tuple[str, str, str, float]
SELECT = "select metric, help, labels, value from"


def exposition(con: duckdb.DuckDBPyConnection) -> str:
    """Returns every figure of `batch_metrics` as text."""
    return _text(_figures(con, "batch_metrics"))


def write_textfile(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> None:
    """Replace the file that node-exporter's textfile collector reads.

    Figures of data and model are those published, figures of commands are current: a failed command publishes nothing
    and must show all the same. Before the first build no file is written.
    """
    try:
        figures = _figures(con, "run_metrics")
    except duckdb.CatalogException:
        return
    current = warehouse.published / "current.duckdb"
    if current.exists():
        with opened_snapshot(current) as snapshot:
            figures += _figures(snapshot, "data_metrics") + _figures(snapshot, "model_metrics")
    write_text(warehouse.metrics_textfile, _text(figures))


def _figures(con: duckdb.DuckDBPyConnection, view: str) -> list[Figure]:
    return con.execute(f"{SELECT} {view}").fetchall()


def _text(figures: list[Figure]) -> str:
    """Returns each metric with its help and type, then its values."""
    lines = []
    for (metric, help_text), rows in groupby(sorted(figures), key=lambda row: row[:2]):
        lines += [f"# HELP {metric} {help_text}", f"# TYPE {metric} gauge"]
        lines += [f"{metric}{{{labels}}} {value!r}" if labels else f"{metric} {value!r}" for *_, labels, value in rows]
    return "".join(f"{line}\n" for line in lines)
