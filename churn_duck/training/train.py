"""Train on the purged split, measure on its test rows, then ship the same settings fit on every matured row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import duckdb
import polars as pl

from churn_duck.errors import ModelError
from churn_duck.evaluation.evaluate import at_half, evaluate, keep_test_scores, test_digest
from churn_duck.evaluation.metrics import Vector, require_two_classes, sigmoid
from churn_duck.model.dataset import Rows, learn_schema, read_rows
from churn_duck.model.onnx_model import PARITY_GATE
from churn_duck.model.registry import Version, keep_splits, register
from churn_duck.model.sampling import affordable_share, duckdb_at_rest
from churn_duck.progress import Progress
from churn_duck.settings.config import ModelName, Settings
from churn_duck.settings.view_columns import feature_directions
from churn_duck.training.calibrate import Chosen
from churn_duck.training.drift_reference import freeze, keep, observe
from churn_duck.training.estimators import Learner, log_odds
from churn_duck.training.fits import Fits, Judged, chosen_for, judged, with_iterations
from churn_duck.training.model_file import Exported, Origin, Part, exported
from churn_duck.training.preconditions import deciding_settings, require_history, require_new
from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.store import Warehouse, transaction


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
    names = _models(warehouse.settings, names)
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
    learned = Part(schema, rows.where(keep), _dates(con, "split in ('train', 'by_user')"))
    shipped = Part(schema, rows, _dates(con, "true")) if warehouse.settings.training.refit else learned
    del rows
    test = read_rows(con, schema, "evaluation_dataset", share=share)
    require_two_classes(test.only_eligible().label, "eligible test rows")
    observe(con, warehouse.settings, shipped.dates["first_as_of_date"], shipped.dates["last_as_of_date"])
    learner = Learner(schema, warehouse.settings.training, feature_directions(warehouse.settings))
    with duckdb_at_rest(con):
        study = _study(con, warehouse.settings, learner, learned, shipped, progress)
    found = []
    for name in names:
        with duckdb_at_rest(con):
            twins = _learn(con, warehouse.settings, name, end, study, test, progress)
        progress(f"{name}: measuring on {len(test):,} test rows")
        found.append(_register(con, warehouse, name, end, twins, learned, shipped, test))
    return found


def _models(settings: Settings, names: tuple[ModelName, ...]) -> tuple[ModelName, ...]:
    """Those of `names` that the recipe has. Raises: ModelError when it has none of them."""
    kept = tuple(name for name in names if name in settings.training.models)
    if not kept:
        raise ModelError(
            f"training.recipe {settings.training.recipe} has no {', '.join(names)}, but "
            f"{' and '.join(settings.training.models)}"
        )
    return kept


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
class _Study:
    """The parts to learn from with the models that they gave so far; `judge` chooses sigmoids on later rows."""

    learned: Part
    shipped: Part
    evaluated_fits: Fits
    shipped_fits: Fits
    judge: Judged | None


def _study(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    learner: Learner,
    learned: Part,
    shipped: Part,
    progress: Progress,
) -> _Study:
    horizon = con.execute("select max(date_diff('day', as_of_date, label_end_date)) from training_snapshots").fetchall()
    judge = judged(learner, learned.rows, horizon[0][0], progress)
    learner = with_iterations(learner, judge, learned.rows, settings.calibration.method, progress)
    fits = Fits(learner, learned.rows, progress)
    return _Study(learned, shipped, fits, fits if shipped is learned else Fits(learner, shipped.rows, progress), judge)


@dataclass(frozen=True)
class _Twins:
    """A model that never saw a test row, and the one that is shipped; `raw` float64[N]: log-odds of the test rows."""

    chosen: Chosen
    iterations: int
    raw: Vector
    evaluated: Exported
    shipped: Exported


def _learn(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    name: ModelName,
    end: date,
    study: _Study,
    test: Rows,
    progress: Progress,
) -> _Twins:
    progress(f"{name}: calibrating")
    chosen = chosen_for(name, study.judge, settings.calibration)
    iterations = study.evaluated_fits.learner.trees
    fitted = study.evaluated_fits.model(name)
    raw = log_odds(fitted, test.features)
    origin = Origin(name, end, iterations, chosen.calibration, "evaluated")
    evaluated = exported(con, settings, origin, fitted, study.learned, test)
    if study.shipped is study.learned:
        return _Twins(chosen, iterations, raw, evaluated, evaluated)
    origin, shipped = replace(origin, role="shipped"), study.shipped
    final = exported(con, settings, origin, study.shipped_fits.model(name), shipped, shipped.rows)
    return _Twins(chosen, iterations, raw, evaluated, final)


def _register(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    name: ModelName,
    end: date,
    twins: _Twins,
    learned: Part,
    shipped: Part,
    test: Rows,
) -> Version:
    evaluated, final = twins.evaluated, twins.shipped
    about = {
        "model_version": final.version,
        "model": name,
        "as_of_date": end,
        "settings": deciding_settings(warehouse.settings),
        "train": learned.as_dict(),
        "test": {
            "rows": len(test),
            "churn_rate": float(test.label.mean()),
            **_dates(con, "split in ('test', 'by_user')"),
        },
        "shipped": shipped.as_dict(),
        "user_share": learned.rows.share,
        "first_event_date": con.execute("select first_event_date from period").fetchall()[0][0],
        "calibration": _told(con, twins),
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


def _keep(con: duckdb.DuckDBPyConnection, version: str, test: Rows, raw: Vector, churn_risk: Vector) -> None:
    columns = {
        "is_eligible": test.eligible,
        "days_since_last_activity": test.recency,
        "churn_label": test.label,
        "raw_risk": sigmoid(raw),
        "churn_risk": churn_risk,
    }
    keep_test_scores(con, version, test.keys.with_columns(pl.Series(name, values) for name, values in columns.items()))


def _told(con: duckdb.DuckDBPyConnection, twins: _Twins) -> dict[str, Any]:
    """What was calibrated, on which days, and why not where it was not."""
    chosen = twins.chosen
    chose = {"first_as_of_date": chosen.first_as_of_date, "last_as_of_date": chosen.last_as_of_date}
    return {
        **_dates(con, "calibration_role = 'calibrate'"),
        **chose,
        "iterations": twins.iterations,
        "sigmoid": chosen.calibration.as_dict() if chosen.calibration else None,
        "refused": chosen.refused,
        "held_out": "later days",
        "check": chosen.check.as_dict() if chosen.check else None,
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
