"""The spread of the newest predictions, while nobody can know yet how right they are."""

from __future__ import annotations

from typing import Any

import duckdb

from churn_duck.errors import ModelError
from churn_duck.files import write_json
from churn_duck.warehouse import Warehouse, see_world


def score_proxy(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> dict[str, Any]:
    """The row of the view `score_proxy`, which is also written to `reports/score_proxy_latest.json`.

    Raises: ModelError before the first scoring.
    """
    see_world(con, warehouse, None)
    result = con.execute("from score_proxy")
    names = [column[0] for column in result.description or []]
    rows = result.fetchall()
    if not rows:
        raise ModelError("nobody has been scored yet; run: churn-duck score")
    content = dict(zip(names, rows[0], strict=True))
    write_json(warehouse.reports / "score_proxy_latest.json", content)
    return content
