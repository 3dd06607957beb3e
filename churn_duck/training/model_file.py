"""A trained model as the bytes of its file: graph and sealed metadata, proved against the training library."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version as library_version
from typing import Any

import duckdb

from churn_duck.model.dataset import FeatureSchema, Rows
from churn_duck.model.onnx_model import OnnxModel, from_bytes, sealed
from churn_duck.settings.config import ModelName, Settings
from churn_duck.training.calibrate import Calibration, fold_in
from churn_duck.training.estimators import Model
from churn_duck.training.model_terms import linear_terms, reason_terms
from churn_duck.training.onnx_export import assert_parity, to_onnx
from churn_duck.warehouse.store import utc_now

LIBRARIES = ("churn-duck", "duckdb", "polars", "scikit-learn", "onnx", "onnxruntime", "numpy")


@dataclass(frozen=True)
class Part:
    """Rows to learn from, with the schema they were read by and the dates they come from."""

    schema: FeatureSchema
    rows: Rows
    dates: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"rows": len(self.rows), "churn_rate": float(self.rows.label.mean()), **self.dates}


@dataclass(frozen=True)
class Exported:
    """A trained model as bytes, and its largest difference to the training library."""

    version: str
    content: bytes
    model: OnnxModel
    parity: float


@dataclass(frozen=True)
class Origin:
    """What a file of a model comes from, beside its rows; `iterations` is the number of trees that a boosting has."""

    name: ModelName
    end: date
    iterations: int
    calibration: Calibration | None
    role: str


def exported(
    con: duckdb.DuckDBPyConnection, settings: Settings, origin: Origin, trained: Model, part: Part, proof: Rows
) -> Exported:
    """The file of a model, calibrated, and proved on the rows of `proof`.

    Raises: ModelError when the export is not exact.
    """
    if origin.calibration:
        trained = fold_in(trained, origin.calibration)
    graph = hashlib.sha256(to_onnx(trained, part.schema, {})).hexdigest()
    version = f"{origin.name}_{utc_now():%Y%m%dT%H%M%SZ}_{graph[:8]}"
    about = _about(con, settings, part) | {
        "model_version": version,
        "model": origin.name,
        "role": origin.role,
        "as_of_date": origin.end,
        "graph_sha256": graph,
        "iterations": origin.iterations,
        # already part of the graph and of the linear terms
        "sigmoid": origin.calibration.as_dict() if origin.calibration else None,
        "linear": linear_terms(trained, part.schema),
        "reasons": reason_terms(trained, part.schema, part.rows.features),
    }
    content = to_onnx(trained, part.schema, sealed(about))
    model = from_bytes(content, version)
    return Exported(version, content, model, assert_parity(trained, part.schema, model, proof.features))


def _about(con: duckdb.DuckDBPyConnection, settings: Settings, part: Part) -> dict[str, Any]:
    """What a model file says of its inputs and its making."""
    data_hash, sql_hash = con.execute("select data_hash, sql_hash from params").fetchall()[0]
    return {
        "features": part.schema.as_dict(),
        "windows_days": settings.features.windows_days,
        "churn_window_days": settings.churn.window_days,
        "churn_lead_days": settings.churn.lead_days,
        "active_within_days": settings.population.active_within_days,
        "training": {"rows": len(part.rows), **part.dates},
        "settings": settings.training.model_dump(),
        "data_hash": data_hash,
        "sql_hash": sql_hash,
        "libraries": {"python": platform.python_version()} | {name: library_version(name) for name in LIBRARIES},
    }
