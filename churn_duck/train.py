"""Train on the purged split, measure on its test rows, then ship the same settings fit on every matured row."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version as library_version
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from churn_duck.config import ModelName, Settings
from churn_duck.dataset import FeatureSchema, Rows, learn_schema, read_rows
from churn_duck.drift_reference import freeze, observe
from churn_duck.errors import HistoryTooShort
from churn_duck.evaluate import at_half, evaluation, require_two_classes
from churn_duck.linear import linear_terms
from churn_duck.models import fit
from churn_duck.onnx_export import PARITY_GATE, assert_parity, to_onnx
from churn_duck.onnx_model import OnnxModel, from_bytes, sealed
from churn_duck.registry import Version, register, utc_now
from churn_duck.sampling import affordable_share, duckdb_at_rest
from churn_duck.warehouse import Tell, Warehouse, see_world

LIBRARIES = ("churn-duck", "duckdb", "polars", "scikit-learn", "onnx", "onnxruntime", "numpy")


def train(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, names: tuple[ModelName, ...], as_of: date | None, tell: Tell
) -> list[Version]:
    """Train, prove and register each model on what was known on the evening of `as_of`; `tell` hears each step.

    Raises: HistoryTooShort with the days needed; ModelError when a class is missing or an export is not exact.
    """
    end = see_world(con, warehouse, as_of)
    require_history(con, warehouse.settings)
    tell("reading the training set")
    schema = learn_schema(con, warehouse.settings)
    share = affordable_share(con, warehouse.settings, schema, tell)
    rows = read_rows(con, schema, "training_dataset", "split <> 'warm_up'", share)
    keep = rows.split == "train"
    require_two_classes(rows.label[keep], "training rows")
    learned = _Part(schema, rows.where(keep), _dates(con, "split = 'train'"))
    shipped = _Part(schema, rows, _dates(con, "split <> 'warm_up'")) if warehouse.settings.training.refit else learned
    del rows
    test = read_rows(con, schema, "evaluation_dataset", share=share)
    require_two_classes(test.only_eligible().label, "eligible test rows")
    observe(con, warehouse.settings, shipped.dates["first_as_of_date"], shipped.dates["last_as_of_date"])
    with duckdb_at_rest(con):
        return [_train_one(con, warehouse, name, end, learned, shipped, test, tell) for name in names]


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
    first, last, labelled, n = con.execute(
        f"select min(as_of_date), max(as_of_date), max(label_end_date), count(*) from training_snapshots where {where}"
    ).fetchall()[0]
    return {"first_as_of_date": first, "last_as_of_date": last, "last_label_date": labelled, "snapshots": n}


def _train_one(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    name: ModelName,
    end: date,
    learned: _Part,
    shipped: _Part,
    test: Rows,
    tell: Tell,
) -> Version:
    settings = warehouse.settings
    tell(f"{name}: fitting {len(learned.rows):,} rows")
    evaluated = _exported(con, settings, name, end, learned, test, "evaluated")
    tell(f"{name}: measuring on {len(test):,} test rows")
    metrics = _metrics(settings, evaluated.model.risk(test.features), test)
    if shipped is learned:
        final = evaluated
    else:
        tell(f"{name}: refitting on {len(shipped.rows):,} rows")
        final = _exported(con, settings, name, end, shipped, shipped.rows, "shipped")
    about = {
        "model_version": final.version,
        "model": name,
        "as_of_date": end,
        "train": {"rows": len(learned.rows), "churn_rate": float(learned.rows.label.mean()), **learned.dates},
        "test": {"rows": len(test), "churn_rate": float(test.label.mean()), **_dates(con, "split = 'test'")},
        "shipped": {"rows": len(shipped.rows), "churn_rate": float(shipped.rows.label.mean()), **shipped.dates},
        "user_share": learned.rows.share,
        "parity": {"evaluated": evaluated.parity, "shipped": final.parity, "gate": PARITY_GATE},
        **metrics,
    }
    freeze(con, warehouse, final.model)
    files = {"model.onnx": final.content, "evaluated.onnx": evaluated.content}
    return register(con, warehouse, final.version, name, end, files, about)


def _exported(
    con: duckdb.DuckDBPyConnection, settings: Settings, name: ModelName, end: date, part: _Part, proof: Rows, role: str
) -> _Exported:
    trained = fit(name, part.schema, settings.training, part.rows.features, part.rows.label)
    graph = hashlib.sha256(to_onnx(trained, part.schema, {})).hexdigest()
    version = f"{name}_{utc_now():%Y%m%dT%H%M%SZ}_{graph[:8]}"
    about = _about(con, settings, part) | {
        "model_version": version,
        "model": name,
        "role": role,
        "as_of_date": end,
        "graph_sha256": graph,
        "linear": linear_terms(trained, part.schema),
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


def _metrics(settings: Settings, risk: npt.NDArray[np.float64], test: Rows) -> dict[str, Any]:
    """Eligible rows first; the contract's keys at the top level are theirs."""
    seed, top_k = settings.training.random_state, settings.scoring.top_k
    keep = test.eligible
    eligible = evaluation(risk[keep], test.label[keep], test.recency[keep], test.user[keep], seed, top_k)
    everyone = evaluation(risk, test.label, test.recency, test.user, seed, top_k)
    return {
        "primary_metric": settings.evaluation.primary_metric,
        "pr_auc": eligible["pr_auc"],
        "roc_auc": eligible["roc_auc"],
        "eligible": eligible,
        "all": everyone,
        **at_half(risk[keep], test.label[keep]),
    }


def days_needed(settings: Settings) -> int:
    """Days of events for one training and one test snapshot: look-back, label, purge and label again."""
    step, horizon = settings.training.snapshot_every_days, settings.churn.window_days
    dates = 2
    while (dates - max(1, int(settings.training.test_size * dates))) * step <= horizon:
        dates += 1
    return max(settings.features.windows_days) + (dates - 1) * step + horizon


def require_history(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Raises HistoryTooShort when the split would leave nothing to train or test on."""
    splits = {row[0] for row in con.execute("select distinct split from training_snapshots").fetchall()}
    if {"train", "test"} <= splits:
        return
    first, last, days = con.execute(
        "select first_event_date, as_of_date, date_diff('day', first_event_date, as_of_date) + 1 from period"
    ).fetchall()[0]
    raise HistoryTooShort(
        f"{days} days of events ({first} to {last}) are too few: windows of {max(settings.features.windows_days)} days "
        f"and labels of {settings.churn.window_days} days need {days_needed(settings)} days; land more history, "
        "or shorten features.windows_days or churn.window_days"
    )
