"""The published snapshot: what readers need, in one read-only DuckDB file that is replaced as a whole.

Readers open `published/current.duckdb` while commands write the warehouse; neither blocks the other.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import duckdb

from churn_duck import __version__
from churn_duck.errors import WarehouseError
from churn_duck.model.registry import production
from churn_duck.progress import Progress, no_progress
from churn_duck.serving.prometheus import write_textfile
from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.catalog import rendered
from churn_duck.warehouse.files import synced_folder
from churn_duck.warehouse.query import literal, quoted
from churn_duck.warehouse.store import STORAGE_VERSION, Warehouse, opened_snapshot, transaction, utc_now

# version of the set of relations below; readers refuse any other
SCHEMA_VERSION = 3
RECENT_DAYS = "(select max(as_of_date) from predictions)"
# relation to the query that fills it; each is documented under the same name in docs/views.md
TABLES = {
    "predictions": f"from predictions where as_of_date > {RECENT_DAYS} - $days order by user_id, as_of_date",
    "ranked_users": f"from ranked_users({RECENT_DAYS}) order by risk_rank",
    "worded_reasons": f"""from worded_reasons
        semi join predictions using (user_id, as_of_date, model_version, scored_at)
        where as_of_date = {RECENT_DAYS} order by user_id, reason_rank""",
    "scored_features": "from scored_features order by user_id",
    "users_clean": "from users_clean order by user_id",
    "user_activity": """from user_activity
        where activity_date > (select as_of_date from period) - $days
            and activity_date <= (select as_of_date from period)
        order by user_id, activity_date""",
    "what_changed": "from what_changed order by user_id",
    "score_proxy": "from score_proxy",
    "feature_nulls": "from feature_nulls order by feature",
    "period": "from period",
    "landings": "from landings order by landing, file_name",
    "landed_totals": "from landed_totals order by source_table",
    "quarantine_counts": "from quarantine_counts order by all",
    "validation_report": "from validation_report order by rule",
    "drift_reports": "from drift_reports order by as_of_date, model_version, name",
    "models": "from models order by created_at",
    "promotions": "from promotions order by promoted_at",
    "expected_performance": "from expected_performance order by scored_at, metric",
    "expected_performance_record": "from expected_performance_record order by as_of_date, model_version, metric",
    "realised_performance": "from realised_performance order by as_of_date, model_version",
    "realised_intervals": "from realised_intervals order by as_of_date, model_version, metric",
    "realised_reliability": "from realised_reliability order by as_of_date, model_version, tenth",
    "runs": "from runs order by started_at",
    "retrainings": "from retrainings order by retrained_at",
    "retraining_triggers": "from retraining_triggers order by reason",
    "scored_days": "from scored_days order by all",
    "risk_bands": "from risk_bands order by all",
    "band_moves": "from band_moves order by all",
}
REASON = "what raises the risk, in words; 1 raises it most. NULL: there are fewer reasons"
# small enough to stay views, over the tables above
VIEWS = (
    "current_production",
    "production",
    "drift_status",
    "drift_history",
    "performance_history",
    "newest_runs",
    "data_metrics",
    "model_metrics",
    "run_metrics",
    "batch_metrics",
)


@dataclass(frozen=True)
class Manifest:
    """The row of `published`: what a snapshot is of, and which model goes with it."""

    snapshot_id: str
    published_at: datetime
    schema_version: int
    world_date: date | None
    as_of_date: date | None
    scored_by: str | None
    model_version: str | None
    model_sha256: str | None
    table_rows: dict[str, int]
    churn_duck_version: str
    duckdb_version: str

    def keep(self, con: duckdb.DuckDBPyConnection, table: str) -> None:
        """Insert the manifest into `table`, which has the columns of `published`."""
        row = {**vars(self), "table_rows": json.dumps(self.table_rows)}
        values = ", ".join(f"${name} as {name}" for name in row)
        con.execute(f"insert into {table} by name select {values}", row)


def publish(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    as_of: date | None = None,
    progress: Progress = no_progress,
    ending: tuple[str, int] = ("ok", 0),
) -> Manifest:
    """Publish the current state of the warehouse as a new snapshot that atomically replaces the last one.

    Outcomes are those known at the end of `as_of`. `ending` is the outcome and exit code of the running command: its
    row in the snapshot is complete, although the command has not ended. If publishing is interrupted, the last snapshot
    stays. Needs write access to the warehouse.
    Raises: WarehouseError when the warehouse is not built, or the file does not read back as it was written.
    """
    world_date = set_as_of_date(con, warehouse, as_of, even_if_silent=True)
    progress("publishing")
    folder = warehouse.published
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in (*folder.glob(".*.partial"), *folder.glob(".*.partial.wal")):
        leftover.unlink(missing_ok=True)
    manifest = _manifest(con, warehouse, world_date)
    partial = folder / f".{manifest.snapshot_id}.duckdb.partial"
    try:
        manifest = _write(con, warehouse, manifest, partial, progress, ending)
        _seal(partial, manifest)
        _swap(folder, partial, f"{manifest.snapshot_id}.duckdb")
    finally:
        partial.unlink(missing_ok=True)
    manifest.keep(con, "published")
    write_textfile(con, warehouse)
    _prune(folder, warehouse.settings.serving.keep_snapshots)
    return manifest


def _manifest(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, world_date: date) -> Manifest:
    scored = con.execute(
        f"select any_value(as_of_date), any_value(model_version) from predictions where as_of_date = {RECENT_DAYS}"
    ).fetchall()[0]
    model = production(con, warehouse)
    now = utc_now()
    return Manifest(
        # microseconds and random digits, so that a name is never reused
        snapshot_id=f"{now:%Y%m%dT%H%M%S%fZ}_{secrets.token_hex(4)}",
        published_at=now,
        schema_version=SCHEMA_VERSION,
        world_date=world_date,
        as_of_date=scored[0],
        scored_by=scored[1],
        model_version=model.model_version if model else None,
        model_sha256=model.file_sha256 if model else None,
        table_rows={},
        churn_duck_version=__version__,
        duckdb_version=duckdb.__version__,
    )


def _write(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    manifest: Manifest,
    partial: Path,
    progress: Progress,
    ending: tuple[str, int],
) -> Manifest:
    """Fill the file in one transaction, so that it holds one consistent state of the warehouse."""
    with _attached(con, partial), transaction(con):
        for name, query in TABLES.items():
            progress(f"publishing {name}")
            days = str(warehouse.settings.serving.history_days)
            con.execute(f"create table snapshot.main.{name} as {query.replace('$days', days)}")
        # this command is still running, but what it publishes is complete, so readers see it as ended
        con.execute(
            "update snapshot.main.runs set outcome = ?, exit_code = ?, ended_at = ? where outcome = 'running'",
            [*ending, utc_now()],
        )
        counts = {name: con.execute(f"select count(*) from snapshot.main.{name}").fetchall()[0][0] for name in TABLES}
        manifest = replace(manifest, table_rows=counts)
        con.execute("create table snapshot.main.published as from published limit 0")
        manifest.keep(con, "snapshot.main.published")
        _describe(con)
        _make_views(con, warehouse)
    return manifest


@contextmanager
def _attached(con: duckdb.DuckDBPyConnection, path: Path) -> Iterator[None]:
    con.execute(f"attach {literal(str(path))} as snapshot (storage_version {literal(STORAGE_VERSION)})")
    try:
        yield
    finally:
        con.execute("detach snapshot")


def _describe(con: duckdb.DuckDBPyConnection) -> None:
    """Copy every column comment; those of the ranked list, a macro, come from the relations that it reads."""
    rows = con.execute(
        """select table_name, column_name, comment from duckdb_columns()
        where database_name = current_database() and schema_name = 'main' and comment is not null"""
    ).fetchall()
    comments = {(table, column): comment for table, column, comment in rows}
    elsewhere = {column: comment for table, column, comment in rows if table in ("users_clean", "scoring_dataset")}
    elsewhere |= {column: comment for table, column, comment in rows if table == "predictions"}
    columns = con.execute(
        "select table_name, column_name from duckdb_columns() where database_name = 'snapshot' and not internal"
    ).fetchall()
    for table, column in columns:
        comment = comments.get((table, column)) or elsewhere.get(column, REASON)
        con.execute(f"comment on column snapshot.main.{table}.{quoted(column)} is {literal(comment)}")


def _make_views(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> None:
    """Create the views with the same statements as in the warehouse, over the tables of the snapshot."""
    texts = rendered(warehouse.settings, warehouse.raw_files())
    home = con.execute("select current_database()").fetchall()[0][0]
    con.execute("use snapshot.main")
    try:
        for name in VIEWS:
            for statement in con.extract_statements(texts[name]):
                con.execute(statement)
    finally:
        con.execute(f"use {quoted(home)}.main")


def _seal(partial: Path, manifest: Manifest) -> None:
    """Verify the file as a reader would open it, and make it read-only and durable.

    Raises: WarehouseError when it does not hold what was written.
    """
    partial.chmod(0o444)
    with opened_snapshot(partial) as con:
        for name, rows in manifest.table_rows.items():
            count = con.execute(f"select count(*) from {name}").fetchall()[0][0]
            if count != rows:
                raise WarehouseError(f"{partial} has {count} rows of {name}, {rows} were written; not published")
        con.execute("select count(value) from batch_metrics").fetchall()
    with partial.open("rb") as file:
        os.fsync(file.fileno())


def _swap(folder: Path, partial: Path, name: str) -> None:
    """Point `current.duckdb` at the new file, atomically."""
    os.replace(partial, folder / name)
    link = folder / f".current.{os.getpid()}.partial"
    link.unlink(missing_ok=True)
    # relative, so that the folder can be moved
    link.symlink_to(name)
    os.replace(link, folder / "current.duckdb")
    synced_folder(folder)


def _prune(folder: Path, keep: int) -> None:
    """Delete all but the newest snapshots; readers keep their open handle."""
    # never the current one, whatever the clock says
    current = (folder / "current.duckdb").readlink().name
    snapshots = sorted(path for path in folder.glob("[0-9]*.duckdb") if path.name != current)
    for path in snapshots[: max(len(snapshots) - keep + 1, 0)]:
        path.unlink(missing_ok=True)
