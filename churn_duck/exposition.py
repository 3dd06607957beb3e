"""The figures of `batch_metrics` in the text format of Prometheus: one definition for the API and for a textfile."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import duckdb

from churn_duck.files import write_text

QUERY = "select metric, help, labels, value from batch_metrics order by metric, labels"


def exposition(con: duckdb.DuckDBPyConnection) -> str:
    """Every row of `batch_metrics`, each metric with its help and type."""
    lines = []
    for (metric, help_text), rows in groupby(con.execute(QUERY).fetchall(), key=lambda row: row[:2]):
        lines += [f"# HELP {metric} {help_text}", f"# TYPE {metric} gauge"]
        lines += [f"{metric}{{{labels}}} {value!r}" if labels else f"{metric} {value!r}" for *_, labels, value in rows]
    return "\n".join(lines) + "\n" if lines else ""


def write_textfile(path: Path, snapshot: Path) -> None:
    """Replace the file that node-exporter's textfile collector reads by what `snapshot` says."""
    with duckdb.connect(snapshot.resolve(), read_only=True) as con:
        text = exposition(con)
    write_text(path, text)
