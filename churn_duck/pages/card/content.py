"""The card of a model version: everything that its reader must know, as data and as one page that needs nothing else.

Figures come from SQL (`sql/9*`), the split from what was kept with the model: a card reads the same in a later world,
but for the slices, which know users as they are now, and for who is production.
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
from churn_duck.warehouse.query import fetched
from churn_duck.warehouse.store import Warehouse


def write_card(warehouse: Warehouse, content: dict[str, Any], out: Path | None = None) -> Path:
    """Write the page of a card's content to `out`, or among the reports; the path."""
    path = out or warehouse.reports / f"model_card_{content['model']['model_version']}.html"
    write_text(path, page(content))
    return path


def card(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, version: Version) -> dict[str, Any]:
    """The content of the card, JSON-ready.

    Raises: ModelError when the model's file is not what was registered, its split was not kept, or a figure is missing.
    """
    name, told = version.model_version, version.metrics
    split = fetched(con, "from model_splits where model_version = ? order by as_of_date", [name])
    if not split:
        raise ModelError(f"the split of {name} was not kept, so it can have no card; run: churn-duck train --force")
    found = {
        "model": _model(con, version),
        **_making(warehouse, version),
        "data": {"first_event_date": told["first_event_date"], "user_share": told["user_share"]},
        "train": told["train"],
        "test": told["test"],
        "shipped": told["shipped"],
        "is_refit": told["settings"]["training"]["refit"],
        "is_invented": warehouse.is_invented,
        "split": split,
        "calibration": told["calibration"],
        "parity": told["parity"],
        "capacity": told["capacity"],
        "max_ece": warehouse.settings.promotion.max_ece,
        "figures": {population: described(con, name, told["capacity"], population) for population in POPULATIONS},
        "calls_needed": _calls_needed(con, name),
        "gain_curve": _gain_curve(con, name),
        "confusion_matrix": told["confusion_matrix"],
        "slices": fetched(con, "from slices(?) order by sliced_by, place", [name]),
        **_career(con, warehouse, version),
    }
    return {
        **found,
        "verdicts": words.verdicts(found),
        "warnings": words.warnings(found),
        "limits": words.limits(found),
    }


def _model(con: duckdb.DuckDBPyConnection, version: Version) -> dict[str, Any]:
    (row,) = fetched(
        con,
        """select model_version, model, created_at, as_of_date, file_sha256, evaluated_sha256, data_hash, sql_hash
        from models where model_version = ?""",
        [version.model_version],
    )
    return row


def _making(warehouse: Warehouse, version: Version) -> dict[str, Any]:
    """What the model's own file says of its question and its inputs."""
    model = version.scoring_model()
    told, read = model.metadata, set(model.schema.names)
    meanings = column_comments(warehouse.settings)
    return {
        "churn_window_days": told["churn_window_days"],
        "active_within_days": told["active_within_days"],
        "windows_days": told["windows_days"],
        "features": [{"name": name, "meaning": meanings.get(name, "")} for name in model.schema.names],
        "trees": None if model.linear else told["iterations"],
        "unread_features": [name for name in feature_columns(warehouse.settings) if name not in read],
        "libraries": told["libraries"],
    }


def _calls_needed(con: duckdb.DuckDBPyConnection, version: str) -> dict[str, dict[str, dict[str, float]]]:
    """Of each population and scorer, the rows to call until half of the churners are found."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for row in fetched(con, "from calls_needed(?, 0.5) order by all", [version]):
        rows, share = row["rows_called"], row["share_called"]
        found.setdefault(row["population"], {})[row["scorer"]] = {"rows_called": rows, "share_called": share}
    return found


def _gain_curve(con: duckdb.DuckDBPyConnection, version: str) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Of each population and scorer, (share called, share found) by hundredths."""
    curves: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in fetched(con, "from gain_curve(?) order by population, scorer, hundredth", [version]):
        points = curves.setdefault(row["population"], {}).setdefault(row["scorer"], [])
        points.append((row["share_called"], row["share_found"]))
    return curves


def _career(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, version: Version) -> dict[str, Any]:
    """Every change of production that the version had a part in, newest first, and who is production now."""
    query = "from promotions where $1 in (model_version, previous_version) order by promoted_at desc"
    return {
        "production": production_name(con, warehouse),
        "promotions": fetched(con, query, [version.model_version]),
    }
