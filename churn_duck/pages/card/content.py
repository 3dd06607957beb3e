"""The card of a model version, as data and as one self-contained page.

Figures come from `sql/55_evaluation`, the split from the registry: a card stays the same as data grows, except for the
slices, which use current attributes, and for which model is in production.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from churn_duck.errors import ModelError
from churn_duck.evaluation.evaluate import POPULATIONS, described
from churn_duck.model.registry import Version, production_name
from churn_duck.pages.card import text as words
from churn_duck.pages.card.page import page
from churn_duck.settings.view_columns import column_comments, feature_columns
from churn_duck.warehouse.files import write_text
from churn_duck.warehouse.query import records
from churn_duck.warehouse.store import Warehouse


def write_card(warehouse: Warehouse, content: dict[str, Any], out: Path | None = None) -> Path:
    """Write the page of a card's content to `out`, or among the reports; returns the path."""
    path = out or warehouse.reports / f"model_card_{content['model']['model_version']}.html"
    write_text(path, page(content))
    return path


def card(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, version: Version) -> dict[str, Any]:
    """Returns the content of the card, JSON-ready.

    Raises: ModelError when the model's file was altered, its split was not kept, or a figure is missing.
    """
    name, metrics = version.model_version, version.metrics
    split = records(con, "from model_splits where model_version = ? order by as_of_date", [name])
    if not split:
        raise ModelError(f"{name} has no stored split, so no card can be written; run: churn-duck train --force")
    found = {
        "model": _model(con, version),
        **_definition(warehouse, version),
        "data": {"first_event_date": metrics["first_event_date"], "user_share": metrics["user_share"]},
        "train": metrics["train"],
        "test": metrics["test"],
        "shipped": metrics["shipped"],
        "is_refit": metrics["settings"]["training"]["refit"],
        "is_invented": warehouse.is_invented,
        "split": split,
        "calibration": metrics["calibration"],
        "parity": metrics["parity"],
        "capacity": metrics["capacity"],
        "max_ece": warehouse.settings.promotion.max_ece,
        "figures": {population: described(con, name, metrics["capacity"], population) for population in POPULATIONS},
        "calls_needed": _calls_needed(con, name),
        "gain_curve": _gain_curve(con, name),
        "confusion_matrix": metrics["confusion_matrix"],
        "slices": records(con, "from slices(?) order by sliced_by, place", [name]),
        **_production_history(con, warehouse, version),
    }
    return {
        **found,
        "verdicts": words.verdicts(found),
        "warnings": words.warnings(found),
        "limits": words.limits(found),
    }


def _model(con: duckdb.DuckDBPyConnection, version: Version) -> dict[str, Any]:
    (row,) = records(
        con,
        """select model_version, model, created_at, as_of_date, file_sha256, evaluated_sha256, data_hash, sql_hash
        from models where model_version = ?""",
        [version.model_version],
    )
    return row


def _definition(warehouse: Warehouse, version: Version) -> dict[str, Any]:
    """Returns the target and the inputs of the model, from the metadata of its file."""
    model = version.scoring_model()
    metadata, inputs = model.metadata, set(model.schema.names)
    meanings = column_comments(warehouse.settings)
    return {
        "churn_window_days": metadata["churn_window_days"],
        "active_within_days": metadata["active_within_days"],
        "windows_days": metadata["windows_days"],
        "features": [{"name": name, "meaning": meanings.get(name, "")} for name in model.schema.names],
        "trees": None if model.linear else metadata["iterations"],
        "unread_features": [name for name in feature_columns(warehouse.settings) if name not in inputs],
        "libraries": metadata["libraries"],
    }


def _calls_needed(con: duckdb.DuckDBPyConnection, version: str) -> dict[str, dict[str, dict[str, float]]]:
    """Returns the rows to call until half of the churners are found, by population and scorer."""
    needed: dict[str, dict[str, dict[str, float]]] = {}
    for row in records(con, "from calls_needed(?, 0.5) order by all", [version]):
        rows, share = row["rows_called"], row["share_called"]
        needed.setdefault(row["population"], {})[row["scorer"]] = {"rows_called": rows, "share_called": share}
    return needed


def _gain_curve(con: duckdb.DuckDBPyConnection, version: str) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Returns (share called, share found) by hundredths, by population and scorer."""
    curves: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in records(con, "from gain_curve(?) order by population, scorer, hundredth", [version]):
        points = curves.setdefault(row["population"], {}).setdefault(row["scorer"], [])
        points.append((row["share_called"], row["share_found"]))
    return curves


def _production_history(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, version: Version) -> dict[str, Any]:
    """Returns the promotions that involve the version, newest first, and the current production version."""
    query = "from promotions where $1 in (model_version, previous_version) order by promoted_at desc"
    return {
        "production": production_name(con, warehouse),
        "promotions": records(con, query, [version.model_version]),
    }
