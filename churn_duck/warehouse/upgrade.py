"""Renames tables, columns and values of earlier versions, so that one `build` brings their warehouse up to date."""

from __future__ import annotations

import duckdb

TABLES = {"model_snapshots": "model_splits", "estimates": "expected_performance"}
# table to the old and the new name of a column
COLUMNS = dict.fromkeys(("runs", "retrainings", "drift_reports"), ("said", "message"))
OUTCOMES = {"kept": "not_promoted", "nothing_new": "no_new_data"}
RETIRED_VIEWS = (
    "estimate_grounds",
    "estimate_track_record",
    "landed_counts",
    "landed_rows",
    "retraining_grounds",
)
RETIRED_MACROS = ("clean_users",)


def upgrade(con: duckdb.DuckDBPyConnection) -> None:
    """Renames old tables, columns and outcomes to those of this version; does nothing to current ones."""
    existing = {name for (name,) in con.execute("select table_name from duckdb_tables()").fetchall()}
    for old, new in TABLES.items():
        if old in existing and new not in existing:
            con.execute(f"alter table {old} rename to {new}")
    rows = con.execute("select table_name, column_name from duckdb_columns() where not internal").fetchall()
    for table, (old, new) in COLUMNS.items():
        if (table, old) in rows:
            con.execute(f"alter table {table} rename column {old} to {new}")
            for old_outcome, outcome in OUTCOMES.items():
                if (table, "outcome") in rows:
                    con.execute(f"update {table} set outcome = '{outcome}' where outcome = '{old_outcome}'")
    _drop_retired(con)


def _drop_retired(con: duckdb.DuckDBPyConnection) -> None:
    """Drops retired views and macros: one over a renamed table would break the copy that `publish` makes."""
    views = {name for (name,) in con.execute("select view_name from duckdb_views() where not internal").fetchall()}
    for name in views & {*RETIRED_VIEWS}:
        con.execute(f"drop view {name}")
    if views:
        for name in RETIRED_MACROS:
            con.execute(f"drop macro table if exists {name}")
