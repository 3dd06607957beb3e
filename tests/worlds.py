"""Small worlds: rows that list only what matters, landed and built like anybody's."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from churn_duck.build import build
from churn_duck.columns import landed_columns
from churn_duck.config import Settings, parse_settings
from churn_duck.land import land
from churn_duck.warehouse import Warehouse, connected, open_warehouse

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
