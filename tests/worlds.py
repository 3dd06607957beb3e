"""Small worlds: rows that list only what matters, landed and built like anybody's."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import duckdb

from churn_duck.ingestion.land import land
from churn_duck.settings.config import Settings
from churn_duck.settings.landed_columns import landed_columns
from churn_duck.settings.load import parse_settings
from churn_duck.warehouse import catalog
from churn_duck.warehouse.build import build
from churn_duck.warehouse.catalog import execute, rendered
from churn_duck.warehouse.store import Warehouse, connected, open_warehouse

EVERY_DAY: dict[str, Any] = {"population": {"active_within_days": None}, "training": {"snapshot_every_days": 1}}


def user(user_id: object, signup: object = "2025-01-01", plan: object = "free", **more: object) -> dict[str, object]:
    paid = 1 if plan == "paid" else 0
    return {"user_id": user_id, "signup_date": signup, "plan": plan, "is_paid": paid, "country": "US", **more}


def event(
    event_id: object, user_id: object, time: object, event_type: object = "login", **more: object
) -> dict[str, Any]:
    return {"event_id": event_id, "user_id": user_id, "event_time": time, "event_type": event_type, **more}


def write_csv(path: Path, table: str, rows: Sequence[dict[str, object]], settings: Settings | None = None) -> Path:
    names = [column.name for column in landed_columns(settings or Settings(), table)]  # type: ignore[arg-type]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return path


def land_rows(warehouse: Warehouse, table: str, rows: Sequence[dict[str, object]], name: str = "") -> None:
    warehouse.root.mkdir(parents=True, exist_ok=True)
    path = write_csv(warehouse.root / f"{table}{name}.csv", table, rows, warehouse.settings)
    list(land(warehouse, table, str(path)))  # type: ignore[arg-type]


def copied(built: Warehouse, root: Path) -> Warehouse:
    """A copy that reads its own files, without making everything anew as a build after a move does."""
    shutil.copytree(built.root, root, symlinks=True, dirs_exist_ok=True)
    warehouse = open_warehouse(built.settings, root)
    texts = rendered(warehouse.settings, warehouse.raw_files())
    reading = ("params", "raw_users", "raw_events", "quarantine")
    with connected(warehouse) as con:
        list(execute(con, {name: texts[name] for name in reading}))
    return warehouse


@contextmanager
def builds_until(place: str) -> Iterator[None]:
    """Builds make the files before `place`, such as 50_training or 30_activity/30, so that many fit into a test."""
    first = tuple(file for file in catalog.sql_files() if f"{file.layer}/{file.path.name}" < place)
    with patch.object(catalog, "sql_files", lambda: first):
        yield


@contextmanager
def world(
    root: Path, users: Sequence[dict[str, object]], events: Sequence[dict[str, object]], /, **settings: object
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Warehouse]]:
    """A built warehouse in `root` with these rows."""
    warehouse = open_warehouse(parse_settings(settings, "test"), root)
    land_rows(warehouse, "users", users)
    land_rows(warehouse, "events", events)
    with connected(warehouse) as con:
        list(build(con, warehouse))
        yield con, warehouse


@contextmanager
def same_world(
    root: Path, users: Sequence[dict[str, object]], events: Sequence[dict[str, object]], /, **settings: object
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Warehouse]]:
    """As `world`, for many tests of the same rows: built once a process, then copied."""
    key = repr((users, events, settings))
    if key not in _built:
        folder = TemporaryDirectory(prefix="same-world-")
        with world(Path(folder.name) / "w", users, events, **settings) as (_, warehouse):
            _built[key] = (folder, warehouse)
    warehouse = copied(_built[key][1], root)
    with connected(warehouse) as con:
        yield con, warehouse


_built: dict[str, tuple[TemporaryDirectory[str], Warehouse]] = {}
