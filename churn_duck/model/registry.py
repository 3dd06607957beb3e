"""Model versions: their folders, the tables `models` and `promotions`, and the file that names production."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from churn_duck.errors import ModelError, WarehouseError
from churn_duck.model.onnx_model import OnnxModel, load_model
from churn_duck.warehouse.files import write_json
from churn_duck.warehouse.query import literal
from churn_duck.warehouse.store import Warehouse, utc_now

NO_PRODUCTION = "no model is in production; run: churn-duck train, then churn-duck promote"


@dataclass(frozen=True)
class Version:
    """A registered model: `model.onnx` scores, `evaluated.onnx` was measured on the test rows."""

    model_version: str
    model: str
    as_of_date: date
    file_sha256: str
    evaluated_sha256: str
    metrics: dict[str, Any]
    folder: Path

    def scoring_model(self) -> OnnxModel:
        """Loads and verifies the model that scores. Raises: ModelError."""
        return load_model(self.folder / "model.onnx", self.file_sha256)

    def evaluated_model(self) -> OnnxModel:
        """Loads and verifies the model that was trained without the test rows. Raises: ModelError."""
        return load_model(self.folder / "evaluated.onnx", self.evaluated_sha256)


def register(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    version: str,
    model: str,
    as_of: date,
    files: dict[str, bytes],
    metrics: dict[str, Any],
) -> Version:
    """Writes a model's folder and its row in `models`, in the caller's transaction."""
    folder = warehouse.models / version
    partial = warehouse.models / f".{version}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name, content in files.items():
        (partial / name).write_bytes(content)
    write_json(partial / "metrics.json", metrics)
    os.replace(partial, folder)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    data_hash, sql_hash = con.execute("select data_hash, sql_hash from params").fetchall()[0]
    row = {
        "model_version": version,
        "model": model,
        "created_at": utc_now(),
        "as_of_date": as_of,
        "file_sha256": digests["model.onnx"],
        "evaluated_sha256": digests["evaluated.onnx"],
        "data_hash": data_hash,
        "sql_hash": sql_hash,
        "metrics": json.dumps(metrics, allow_nan=False, default=str),
    }
    insert_by_name(con, "models", row)
    write_registry(con, warehouse)
    return versions(con, warehouse, f"model_version = '{version}'")[0]


def keep_splits(con: duckdb.DuckDBPyConnection, version: str) -> None:
    """Writes the split that the version was trained and tested on."""
    con.execute(
        """insert into model_splits by name
        select ? as model_version, as_of_date, label_end_date, split, calibration_role from training_snapshots""",
        [version],
    )


def versions(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, where: str = "true") -> list[Version]:
    """Returns the registered versions, newest first. Raises: WarehouseError before the first build."""
    rows = _built_rows(
        con,
        warehouse,
        f"""select model_version, model, as_of_date, file_sha256, evaluated_sha256, cast(metrics as varchar)
        from models where {where} order by created_at desc, model_version""",
    )
    return [
        Version(name, model, as_of, shipped, evaluated, json.loads(metrics), warehouse.models / name)
        for name, model, as_of, shipped, evaluated, metrics in rows
    ]


def production_name(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> str | None:
    """Returns the version of the newest promotion, registered or not; None before the first promotion.

    Raises: WarehouseError before the first build.
    """
    rows = _built_rows(con, warehouse, "select model_version from current_production")
    return rows[0][0] if rows else None


def production(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> Version | None:
    """Returns the production version, or None before the first promotion.

    Raises: WarehouseError before the first build; ModelError where the newest promotion names no registered model.
    """
    name = production_name(con, warehouse)
    version = registered(con, warehouse, name)
    if name is not None and version is None:
        raise ModelError(
            f"production is {name} by the newest promotion, and no model of that name is registered; put another one "
            "in its place: churn-duck promote, or churn-duck rollback VERSION with one that churn-duck models lists"
        )
    return version


def registered(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, name: str | None) -> Version | None:
    """Returns the version of that name, or None."""
    matches = [] if name is None else versions(con, warehouse, f"model_version = {literal(name)}")
    return matches[0] if matches else None


def insert_by_name(con: duckdb.DuckDBPyConnection, table: str, row: Mapping[str, object]) -> None:
    """Inserts one row by the names of its columns."""
    con.execute(f"insert into {table} ({', '.join(row)}) values ({', '.join('?' * len(row))})", list(row.values()))


def _built_rows(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, query: str) -> list[tuple[Any, ...]]:
    try:
        return con.execute(query).fetchall()
    except duckdb.CatalogException as error:
        raise WarehouseError(f"{warehouse.database} has not been built; run: churn-duck build") from error


def require_production(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> Version:
    """Returns the production version. Raises: ModelError before the first promotion."""
    version = production(con, warehouse)
    if version is None:
        raise ModelError(NO_PRODUCTION)
    return version


def find_version(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, name: str | None) -> Version:
    """Returns the version of that name; None: production. Raises: ModelError when there is none."""
    if name is None:
        return require_production(con, warehouse)
    version = registered(con, warehouse, name)
    if version is None:
        raise ModelError(f"there is no model {name}; churn-duck models lists them")
    return version


def rollback(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, version: str | None) -> Version:
    """Puts `version` back into production; None: the version before the current one.

    Raises: ModelError when there is no such version, it is already in production, or its file was modified.
    """
    # the name is enough: a rollback must also work where production is not registered
    current = production_name(con, warehouse)
    if current is None:
        raise ModelError(NO_PRODUCTION)
    target = find_version(con, warehouse, version or _before(con, current))
    if target.model_version == current:
        raise ModelError(f"{current} is already in production")
    target.scoring_model()
    row = {
        "promoted_at": utc_now(),
        "model_version": target.model_version,
        "previous_version": current,
        "reason": f"rolled back from {current}",
    }
    insert_by_name(con, "promotions", row)
    write_registry(con, warehouse)
    return target


def _before(con: duckdb.DuckDBPyConnection, current: str) -> str:
    """Returns the version that was in production before `current`."""
    rows = con.execute(
        "select previous_version from promotions where model_version = ? order by promoted_at desc limit 1", [current]
    ).fetchall()
    if rows[0][0] is None:
        raise ModelError(f"{current} is the first production model; name the version to put in its place")
    return str(rows[0][0])


def write_registry(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> None:
    """Rewrites `models/model_registry.json` from the tables; an unregistered production model counts as none."""
    current = registered(con, warehouse, production_name(con, warehouse))
    write_json(
        warehouse.models / "model_registry.json",
        {
            "production": current.model_version if current else None,
            "production_path": f"{current.model_version}/model.onnx" if current else None,
            "production_sha256": current.file_sha256 if current else None,
            "versions": [
                {
                    "model_version": version.model_version,
                    "model": version.model,
                    "as_of_date": version.as_of_date,
                    "file_sha256": version.file_sha256,
                    "pr_auc": version.metrics["pr_auc"],
                    "roc_auc": version.metrics["roc_auc"],
                }
                for version in versions(con, warehouse)
            ],
        },
    )
