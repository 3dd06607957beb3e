"""The distribution of a day's predictions, a proxy until their labels are known."""

from __future__ import annotations

from datetime import date
from typing import TypedDict, cast

import duckdb

from churn_duck.errors import ModelError
from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.files import write_json
from churn_duck.warehouse.query import records
from churn_duck.warehouse.store import Warehouse


class ScoreProxy(TypedDict):
    """The row of `score_proxy`: quantiles of churn_risk, and the share of users at high risk."""

    as_of_date: date
    model_version: str
    scored_rows: int
    mean: float
    p50: float
    p90: float
    p99: float
    high_risk_rate: float
    high_risk_threshold: float


def score_proxy(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None) -> ScoreProxy:
    """Returns the distribution of the last day scored up to `as_of`, and writes it to `reports/`.

    `as_of` None: the last scored day of all. Raises: ModelError before the first scoring.
    """
    set_as_of_date(con, warehouse, as_of, even_if_silent=True)
    days = "select max(as_of_date) from predictions where as_of_date <= coalesce(cast(? as date), as_of_date)"
    scored_day = con.execute(days, [as_of]).fetchall()[0][0]
    rows = records(con, "from score_proxy_at(cast(? as date))", [scored_day])
    if not rows:
        raise ModelError("nobody has been scored yet; run: churn-duck score")
    content = cast("ScoreProxy", rows[0])
    write_json(warehouse.reports / "score_proxy_latest.json", content)
    return content
