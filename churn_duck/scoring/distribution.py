"""The spread of the newest predictions, while nobody can know yet how right they are."""

from __future__ import annotations

from typing import Any

import duckdb

from churn_duck.errors import ModelError
from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.files import write_json
from churn_duck.warehouse.query import records
from churn_duck.warehouse.store import Warehouse


def score_proxy(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> dict[str, Any]:
    """The row of the view `score_proxy`, which is also written to `reports/score_proxy_latest.json`.

    Raises: ModelError before the first scoring.
    """
    set_as_of_date(con, warehouse, None)
    rows = records(con, "from score_proxy")
    if not rows:
        raise ModelError("nobody has been scored yet; run: churn-duck score")
    (content,) = rows
    write_json(warehouse.reports / "score_proxy_latest.json", content)
    return content
