"""Evaluation of a model version on its test rows: figures by `sql/55_evaluation`, intervals by resampling users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import duckdb
import numpy as np
import polars as pl

from churn_duck.errors import ModelError
from churn_duck.evaluation.bootstrap import REPLICATES
from churn_duck.evaluation.figures import ClassReport, CurvePoint, Figures, Interval, Tenth, ThresholdFigures
from churn_duck.evaluation.intervals import Outcomes, intervals
from churn_duck.evaluation.metrics import RANKING
from churn_duck.model.dataset import Rows

POPULATIONS = ("eligible", "all")


def evaluate(
    con: duckdb.DuckDBPyConnection, version: str, capacity: int, seed: int, replicates: int = REPLICATES
) -> dict[str, Figures]:
    """Returns every figure of a version by population, and writes their 95 % intervals to `test_intervals`.

    Raises: ModelError when the version has no test rows.
    """
    for population in POPULATIONS:
        rows = outcomes(con, version, population)
        ranges = intervals(rows, capacity, seed, replicates)
        keep_intervals(con, version, capacity, population, ranges, seed, replicates)
    return {population: described(con, version, capacity, population) for population in POPULATIONS}


def outcomes(con: duckdb.DuckDBPyConnection, version: str, population: str) -> Outcomes:
    """Returns the test rows of a version in a fixed order. Raises: ModelError when there are none."""
    frame = con.sql(
        """select
            dense_rank() over (order by user_id) - 1 as user,
            date_diff('day', date '1970-01-01', as_of_date) as day,
            cast(days_since_last_activity as double) as recency,
            cast(churn_label as double) as label,
            raw_risk,
            churn_risk
        from test_scores
        where model_version = ? and (is_eligible or ? = 'all')
        order by user_id, as_of_date""",
        params=[version, population],
    ).pl()
    if not frame.height:
        raise ModelError(f"there are no test rows of {version}; churn-duck models lists the versions")
    return Outcomes(**{name: frame[name].to_numpy() for name in frame.columns})


def keep_intervals(
    con: duckdb.DuckDBPyConnection,
    version: str,
    capacity: int,
    population: str,
    ranges: Mapping[tuple[str, str], Interval],
    seed: int,
    replicates: int = REPLICATES,
) -> None:
    """Replaces the intervals of one population in `test_intervals`."""
    con.execute(
        "delete from test_intervals where model_version = ? and top_k = ? and population = ?",
        [version, capacity, population],
    )
    rows = [(scorer, metric, low, high) for (scorer, metric), (low, high) in ranges.items()]
    frame = pl.DataFrame(rows, ["scorer", "metric", "low", "high"], orient="row")  # noqa: F841 (DuckDB reads it)
    con.execute(
        """insert into test_intervals by name
        select
            $version as model_version,
            $capacity as top_k,
            $population as population,
            $replicates as replicates,
            $seed as seed,
            scorer,
            metric,
            low,
            high
        from frame""",
        {
            "version": version,
            "capacity": capacity,
            "population": population,
            "replicates": replicates,
            "seed": seed,
        },
    )


def described(con: duckdb.DuckDBPyConnection, version: str, capacity: int, population: str) -> Figures:
    """Returns the view `evaluation` of one population, nested, with the reliability table: JSON-ready.

    Raises: ModelError when a figure is missing or not a number.
    """
    rows = con.execute(
        "select scorer, metric, value, low, high from evaluation(?, ?) where population = ?",
        [version, capacity, population],
    ).fetchall()
    values: dict[str, dict[str, float]] = {}
    ranges: dict[str, dict[str, Interval]] = {}
    for scorer, metric, value, low, high in rows:
        if value is None or not np.isfinite(value):
            raise ModelError(f"{metric} of {scorer} on the {population} test rows of {version} is not a number")
        values.setdefault(scorer, {})[metric] = value
        if low is not None:
            ranges.setdefault(scorer, {})[metric] = [low, high]
    return _nested(values, ranges, _reliability(con, version, population))


def _nested(
    values: dict[str, dict[str, float]], ranges: dict[str, dict[str, Interval]], reliability: dict[str, list[Tenth]]
) -> Figures:
    counts, gains = values["rows"], [ranges["model"][f"{name}_gain"] for name in RANKING]
    figures = {
        "rows": int(counts["test_rows"]),
        "users": int(counts["test_users"]),
        "churn_rate": counts["churn_rate"],
        "silent_churners": counts["silent_churners"],
        **values["model"],
        "intervals": ranges["model"],
        "intervals_of_rows": ranges["rows"],
        **{
            scorer: {**values[scorer], "intervals": ranges.get(scorer, {})}
            for scorer in ("raw", "recency_rule", "base_rate")
        },
        "beats_recency_rule": all(low > 0 for low, _ in gains),
        "reliability": reliability,
    }
    # the metrics are rows of the view, so their names are not known to the type checker
    return cast(Figures, figures)


def _reliability(con: duckdb.DuckDBPyConnection, version: str, population: str) -> dict[str, list[Tenth]]:
    rows = con.execute(
        """select scorer, tenth, test_rows, mean_risk, churn_rate
        from reliability(?) where population = ? order by scorer, tenth""",
        [version, population],
    ).fetchall()
    tables: dict[str, list[Tenth]] = {}
    for scorer, tenth, n, mean_risk, churn_rate in rows:
        tables.setdefault(scorer, []).append(
            {"tenth": tenth, "rows": n, "mean_risk": mean_risk, "churn_rate": churn_rate}
        )
    return tables


def keep_test_scores(con: duckdb.DuckDBPyConnection, version: str, rows: pl.DataFrame) -> None:
    """Writes the test rows of a version; `rows` has the columns of `test_scores` except model_version."""
    con.execute(
        """insert into test_scores by name
        select
            ? as model_version,
            user_id,
            as_of_date,
            is_eligible,
            cast(days_since_last_activity as integer) as days_since_last_activity,
            cast(churn_label as integer) as churn_label,
            raw_risk,
            churn_risk
        from rows""",
        [version],
    )


def at_half(con: duckdb.DuckDBPyConnection, version: str) -> ThresholdFigures:
    """Returns confusion matrix and class reports at a threshold of 0.5, and 50 points of the precision-recall curve."""
    counts = dict(
        con.execute(
            """select (churn_label, cast(churn_risk >= 0.5 as integer)), count(*)
            from test_scores where model_version = ? and is_eligible group by all""",
            [version],
        ).fetchall()
    )
    matrix = [[counts.get((label, prediction), 0) for prediction in (0, 1)] for label in (0, 1)]
    return {
        "confusion_matrix": matrix,
        "classification_report": {str(value): _report(matrix, value) for value in (0, 1)},
        "pr_curve": _pr_curve(con, version),
    }


def _pr_curve(con: duckdb.DuckDBPyConnection, version: str) -> list[CurvePoint]:
    rows = con.execute(
        """select score, found / taken, found / list_churners
        from test_ties(?) where scorer = 'model' and population = 'eligible' and list_date is null
        order by score desc""",
        [version],
    ).fetchall()
    points = [rows[i] for i in np.unique(np.linspace(0, len(rows) - 1, 50).astype(int))]
    return [CurvePoint(threshold=score, precision=precision, recall=recall) for score, precision, recall in points]


def _report(matrix: list[list[int]], value: int) -> ClassReport:
    correct, predicted, actual = matrix[value][value], matrix[0][value] + matrix[1][value], sum(matrix[value])
    total = predicted + actual
    return {
        "precision": correct / predicted if predicted else None,
        "recall": correct / actual if actual else None,
        "f1": 2 * correct / total if total else None,
        "support": actual,
    }


def test_digest(con: duckdb.DuckDBPyConnection, rows: Rows) -> str:
    """Returns a digest of the users, days and labels of the rows, whatever their order."""
    frame = rows.keys.with_columns(pl.Series("label", rows.label))  # noqa: F841 (DuckDB reads it)
    digest = con.execute(
        """select count(*) || '-' || coalesce(bit_xor(md5_number_lower(
            concat_ws('|', user_id, as_of_date, cast(label as integer)))), 0) from frame"""
    ).fetchall()
    return str(digest[0][0])
