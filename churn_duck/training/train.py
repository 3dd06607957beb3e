"""Train on the purged split, measure on its test rows, then ship the same settings fit on every matured row."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass, replace
from datetime import date
from importlib.metadata import version as library_version
from typing import Any

import duckdb
import polars as pl
from sklearn.pipeline import Pipeline

from churn_duck.evaluation.evaluate import at_half, evaluate, keep_test_scores, test_digest
from churn_duck.evaluation.metrics import Vector, require_two_classes, sigmoid
from churn_duck.model.dataset import FeatureSchema, Rows, learn_schema, read_rows
from churn_duck.model.onnx_model import PARITY_GATE, OnnxModel, from_bytes, sealed
from churn_duck.model.registry import Version, keep_splits, register
from churn_duck.model.sampling import affordable_share, duckdb_at_rest
from churn_duck.progress import Progress
from churn_duck.settings.config import ModelName, Settings
from churn_duck.training.calibrate import Calibration, Chosen, accepted, choose, fold_in, on_all_evidence
from churn_duck.training.drift_reference import freeze, keep, observe
from churn_duck.training.estimators import fit, log_odds
from churn_duck.training.model_terms import linear_terms, reason_terms
from churn_duck.training.onnx_export import assert_parity, to_onnx
from churn_duck.training.preconditions import deciding_settings, require_history, require_new
from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.store import Warehouse, transaction, utc_now

LIBRARIES = ("churn-duck", "duckdb", "polars", "scikit-learn", "onnx", "onnxruntime", "numpy")


def train(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    names: tuple[ModelName, ...],
    as_of: date | None,
    progress: Progress,
    force: bool = False,
) -> list[Version]:
    """Train, prove and register each model on what was known on the evening of `as_of`; `progress` hears each step.

    Raises: HistoryTooShort with the days needed; NothingNew when the same models are there already and `force` is not
    given; ModelError when a class is missing or an export is not exact.
    """
    end = set_as_of_date(con, warehouse, as_of)
    require_history(con, warehouse.settings)
    if not force:
        require_new(con, warehouse, names, end)
    progress("reading the training set")
    schema = learn_schema(con, warehouse.settings)
    share = affordable_share(con, warehouse.settings, schema, progress)
    rows = read_rows(con, schema, "training_dataset", share=share)
    keep = rows.split == "train"
    require_two_classes(rows.label[keep], "training rows")
    learned = _Part(schema, rows.where(keep), _dates(con, "split in ('train', 'by_user')"))
    shipped = _Part(schema, rows, _dates(con, "true")) if warehouse.settings.training.refit else learned
    del rows
    test = read_rows(con, schema, "evaluation_dataset", share=share)
    require_two_classes(test.only_eligible().label, "eligible test rows")
    observe(con, warehouse.settings, shipped.dates["first_as_of_date"], shipped.dates["last_as_of_date"])
    found = []
    for name in names:
        with duckdb_at_rest(con):
            twins = _learn(con, warehouse.settings, name, end, learned, shipped, test, progress)
        progress(f"{name}: measuring on {len(test):,} test rows")
        found.append(_register(con, warehouse, name, end, twins, learned, shipped, test))
    return found


@dataclass(frozen=True)
class _Part:
    """Rows to learn from, with the schema they were read by and the dates they come from."""

    schema: FeatureSchema
    rows: Rows
    dates: dict[str, Any]


@dataclass(frozen=True)
class _Exported:
    """A trained model as bytes, and its largest difference to the training library."""

    version: str
    content: bytes
    model: OnnxModel
    parity: float


def _dates(con: duckdb.DuckDBPyConnection, where: str) -> dict[str, Any]:
    first, last, labelled, n, by_user = con.execute(
        f"""select min(as_of_date), max(as_of_date), max(label_end_date), count(*),
            coalesce(bool_or(split = 'by_user'), false)
        from training_snapshots where {where}"""
    ).fetchall()[0]
    return {
        "first_as_of_date": first,
        "last_as_of_date": last,
        "last_label_date": labelled,
        "snapshots": n,
        "held_out": "users" if by_user else "dates",
    }


@dataclass(frozen=True)
class _Twins:
    """A model that never saw a test row, and the one that is shipped; `raw` float64[N]: log-odds of the test rows."""

    chosen: Chosen
    raw: Vector
    evaluated: _Exported
    shipped: _Exported


def _learn(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    name: ModelName,
    end: date,
    learned: _Part,
    shipped: _Part,
    test: Rows,
    progress: Progress,
) -> _Twins:
    progress(f"{name}: calibrating")
    chosen = choose(name, learned.schema, settings.training, learned.rows, settings.calibration.method)

    def trained(part: _Part) -> Pipeline:
        progress(f"{name}: fitting {len(part.rows):,} rows")
        rows = part.rows
        return fit(name, part.schema, settings.training, rows.features, rows.label, chosen.iterations)

    fitted, held_out = trained(learned), test.only_eligible().label
    raw = log_odds(fitted, test.features)
    chosen = accepted(chosen, raw[test.eligible], held_out)
    made = _Making(name, end, chosen.iterations, chosen.calibration)
    evaluated = _exported(con, settings, made, fitted, learned, test, "evaluated")
    if shipped is learned:
        return _Twins(chosen, raw, evaluated, evaluated)
    made = replace(made, calibration=on_all_evidence(chosen, raw[test.eligible], held_out))
    final = _exported(con, settings, made, trained(shipped), shipped, shipped.rows, "shipped")
    return _Twins(chosen, raw, evaluated, final)


def _register(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    name: ModelName,
    end: date,
    twins: _Twins,
    learned: _Part,
    shipped: _Part,
    test: Rows,
) -> Version:
    evaluated, final = twins.evaluated, twins.shipped
    about = {
        "model_version": final.version,
        "model": name,
        "as_of_date": end,
        "settings": deciding_settings(warehouse.settings),
        "train": _described(learned),
        "test": {
            "rows": len(test),
            "churn_rate": float(test.label.mean()),
            **_dates(con, "split in ('test', 'by_user')"),
        },
        "shipped": _described(shipped),
        "user_share": learned.rows.share,
        "first_event_date": con.execute("select first_event_date from period").fetchall()[0][0],
        "calibration": _told(con, twins.chosen),
        "parity": {"evaluated": evaluated.parity, "shipped": final.parity, "gate": PARITY_GATE},
        "test_digest": test_digest(con, test.only_eligible()),
    }
    freeze(con, warehouse, final.model)
    files = {"model.onnx": final.content, "evaluated.onnx": evaluated.content}
    with transaction(con):
        _keep(con, final.version, test, twins.raw, evaluated.model.risk(test.features))
        keep_splits(con, final.version)
        metrics = _metrics(con, warehouse.settings, final.version)
        registered = register(con, warehouse, final.version, name, end, files, about | metrics)
        keep(con, final.version)
        return registered


def _described(part: _Part) -> dict[str, Any]:
    return {"rows": len(part.rows), "churn_rate": float(part.rows.label.mean()), **part.dates}


def _keep(con: duckdb.DuckDBPyConnection, version: str, test: Rows, raw: Vector, churn_risk: Vector) -> None:
    columns = {
        "is_eligible": test.eligible,
        "days_since_last_activity": test.recency,
        "churn_label": test.label,
        "raw_risk": sigmoid(raw),
        "churn_risk": churn_risk,
    }
    keep_test_scores(con, version, test.keys.with_columns(pl.Series(name, values) for name, values in columns.items()))


def _told(con: duckdb.DuckDBPyConnection, chosen: Chosen) -> dict[str, Any]:
    """What was calibrated, on which days, and why not where it was not."""
    return {
        "iterations": chosen.iterations,
        "sigmoid": chosen.calibration.as_dict() if chosen.calibration else None,
        "refused": chosen.refused,
        "held_out": chosen.held_out,
        **_dates(con, "calibration_role = 'calibrate'"),
    }


@dataclass(frozen=True)
class _Making:
    """What one file of a model is made of beside its rows."""

    name: ModelName
    end: date
    iterations: int
    calibration: Calibration | None


def _exported(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    made: _Making,
    trained: Pipeline,
    part: _Part,
    proof: Rows,
    role: str,
) -> _Exported:
    if made.calibration:
        fold_in(trained, made.calibration)
    graph = hashlib.sha256(to_onnx(trained, part.schema, {})).hexdigest()
    version = f"{made.name}_{utc_now():%Y%m%dT%H%M%SZ}_{graph[:8]}"
    about = _about(con, settings, part) | {
        "model_version": version,
        "model": made.name,
        "role": role,
        "as_of_date": made.end,
        "graph_sha256": graph,
        "iterations": made.iterations,
        # already part of the graph and of the linear terms
        "sigmoid": made.calibration.as_dict() if made.calibration else None,
        "linear": linear_terms(trained, part.schema),
        "reasons": reason_terms(trained, part.schema, part.rows.features),
    }
    content = to_onnx(trained, part.schema, sealed(about))
    model = from_bytes(content, version)
    return _Exported(version, content, model, assert_parity(trained, part.schema, model, proof.features))


def _about(con: duckdb.DuckDBPyConnection, settings: Settings, part: _Part) -> dict[str, Any]:
    """What a model file says of its inputs and its making."""
    data_hash, sql_hash = con.execute("select data_hash, sql_hash from params").fetchall()[0]
    return {
        "features": part.schema.as_dict(),
        "windows_days": settings.features.windows_days,
        "churn_window_days": settings.churn.window_days,
        "active_within_days": settings.population.active_within_days,
        "training": {"rows": len(part.rows), **part.dates},
        "settings": settings.training.model_dump(),
        "data_hash": data_hash,
        "sql_hash": sql_hash,
        "libraries": {"python": platform.python_version()} | {name: library_version(name) for name in LIBRARIES},
    }


def _metrics(con: duckdb.DuckDBPyConnection, settings: Settings, version: str) -> dict[str, Any]:
    """Eligible rows first; the contract's keys at the top level are theirs."""
    figures = evaluate(con, version, settings.scoring.top_k, settings.training.random_state)
    return {
        "primary_metric": settings.evaluation.primary_metric,
        "capacity": settings.scoring.top_k,
        "pr_auc": figures["eligible"]["pr_auc"],
        "roc_auc": figures["eligible"]["roc_auc"],
        **figures,
        **at_half(con, version),
    }
