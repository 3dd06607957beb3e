"""Reading published snapshots: the newest one with its model, and an older one for as long as it is in use."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from churn_duck.errors import ChurnDuckError, WarehouseError
from churn_duck.model.onnx_model import OnnxModel, load_model
from churn_duck.serving.publish import SCHEMA_VERSION, Manifest
from churn_duck.warehouse.query import records
from churn_duck.warehouse.store import opened_snapshot, utc_now

RETRY_SECONDS = 5.0
# columns of ranked_users that are not attributes
RANKED = (
    "user_id",
    "as_of_date",
    "days_since_signup",
    "days_since_last_activity",
    "churn_risk",
    "risk_rank",
    "model_version",
    "reason_1",
    "reason_2",
    "reason_3",
)


class Snapshot:
    """One published file, opened read-only, and the model that was production when it was published."""

    def __init__(self, path: Path, models: Path) -> None:
        """Raises: WarehouseError when the file is not a snapshot, ModelError when its model is missing or altered."""
        self.path = path
        self._con = _opened(path)
        try:
            self.manifest = _manifest(self._con, path)
            self.model = _model(self.manifest, models)
            self.columns = {name: self._types(name) for name in ("ranked_users", "user_activity")}
        except BaseException:
            self._con.close()
            raise
        self.readers = 0

    def _types(self, table: str) -> dict[str, str]:
        rows = self._con.execute(
            "select column_name, data_type from duckdb_columns() where table_name = ? order by column_index", [table]
        ).fetchall()
        return dict(rows)

    @property
    def attributes(self) -> dict[str, str]:
        """The users' attributes that the list can be filtered by, with their types."""
        return {name: kind for name, kind in self.columns["ranked_users"].items() if name not in RANKED}

    @property
    def age_days(self) -> float:
        """Days since it was published."""
        return (utc_now() - self.manifest.published_at).total_seconds() / 86_400

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of this thread's own."""
        with self._con.cursor() as cursor:
            yield cursor

    def rows(self, query: str, parameters: Sequence[object] | dict[str, object] = ()) -> list[dict[str, Any]]:
        """The rows of a query as dictionaries by column."""
        with self.cursor() as cursor:
            return records(cursor, query, parameters)

    def close(self) -> None:
        """Close the file."""
        self._con.close()


def _opened(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        return opened_snapshot(path)
    except duckdb.Error as error:
        raise WarehouseError(f"cannot open the snapshot {path}: {error}") from error


def _manifest(con: duckdb.DuckDBPyConnection, path: Path) -> Manifest:
    try:
        rows = con.execute("from published").fetchall()
    except duckdb.CatalogException as error:
        raise WarehouseError(f"{path} is not a published snapshot; run: churn-duck publish") from error
    if len(rows) != 1 or rows[0][2] != SCHEMA_VERSION:
        raise WarehouseError(f"{path} was published by another version of Churn Duck; run: churn-duck publish")
    fields = dict(zip(Manifest.__dataclass_fields__, rows[0], strict=True))
    return Manifest(**{**fields, "table_rows": json.loads(fields["table_rows"])})


def _model(manifest: Manifest, models: Path) -> OnnxModel | None:
    if manifest.model_version is None or manifest.model_sha256 is None:
        return None
    return load_model(models / manifest.model_version / "model.onnx", manifest.model_sha256)


class Snapshots:
    """The newest snapshot of a warehouse, opened on demand.

    The first reader after a publishing opens the new snapshot; readers keep their open handle on the old one, and the
    last of them closes it. While a new one cannot be opened, the old one stays in use.
    """

    def __init__(self, root: Path) -> None:
        self._link = root / "published" / "current.duckdb"
        self._models = root / "models"
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._current: Snapshot | None = None
        self._failed: tuple[Path, float] | None = None
        self.trouble: str | None = None

    @contextmanager
    def use(self) -> Iterator[Snapshot]:
        """The newest snapshot, which stays open and the same until the block ends.

        Raises: WarehouseError when there is none that can be opened.
        """
        self._refresh()
        with self._lock:
            snapshot = self._current
            if snapshot is None:
                raise WarehouseError(self.trouble or f"{self._link} does not exist; run: churn-duck publish")
            snapshot.readers += 1
        try:
            yield snapshot
        finally:
            self._release(snapshot)

    def close(self) -> None:
        """Close the newest snapshot too, when the server stops."""
        with self._lock:
            last, self._current = self._current, None
            unused = last if last is not None and last.readers == 0 else None
        if unused is not None:
            unused.close()

    def _refresh(self) -> None:
        target = Path(os.path.realpath(self._link))
        if self._is_known(target):
            return
        # one thread opens; the others keep using the old one, unless there is none yet
        if self._opening.acquire(blocking=self._current is None):
            try:
                if not self._is_known(target):
                    self._open(target)
            finally:
                self._opening.release()

    def _is_known(self, target: Path) -> bool:
        current, failed = self._current, self._failed
        if current is not None and current.path == target:
            return True
        return failed is not None and failed[0] == target and time.monotonic() - failed[1] < RETRY_SECONDS

    def _open(self, target: Path) -> None:
        if not target.exists():
            # replaced and deleted before it was opened, or never published: try again next time
            self.trouble = None if self._current else f"{self._link} does not exist; run: churn-duck publish"
            return
        try:
            new = Snapshot(target, self._models)
        except ChurnDuckError as error:
            self._failed, self.trouble = (target, time.monotonic()), str(error)
            return
        with self._lock:
            old, self._current = self._current, new
            unused = old if old is not None and old.readers == 0 else None
        self._failed = self.trouble = None
        if unused is not None:
            unused.close()

    def _release(self, snapshot: Snapshot) -> None:
        with self._lock:
            snapshot.readers -= 1
            unused = snapshot.readers == 0 and snapshot is not self._current
        if unused:
            snapshot.close()
