"""Realised performance beside what was expected: figures from `sql/70_monitoring`, intervals by resampling users."""

from __future__ import annotations

from datetime import date
from typing import cast

import duckdb
import numpy as np

from churn_duck.evaluation.bootstrap import REPLICATES, Users, interval, resampled
from churn_duck.evaluation.metrics import Vector, probability_metrics, ranking_metrics
from churn_duck.monitoring.performance_notes import doubts, remarks
from churn_duck.monitoring.rows import (
    EstimateEvidence,
    EstimateRecord,
    PerformanceFigures,
    PerformanceReport,
    RealisedDay,
    RealisedInterval,
    ReliabilityTenth,
)
from churn_duck.progress import Progress
from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.files import write_json
from churn_duck.warehouse.query import records
from churn_duck.warehouse.store import Warehouse, transaction

METRICS = ("pr_auc", "roc_auc", "recency_pr_auc", "recency_roc_auc", "log_loss", "brier", "churn_rate")


def performance(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, progress: Progress
) -> PerformanceReport:
    """Returns every scored day with its outcomes known by the evening of `as_of`, and writes it to `reports/`.

    A repeated call changes nothing. Raises: WarehouseError when the warehouse is not built.
    """
    end = set_as_of_date(con, warehouse, as_of)
    progress("looking up outcomes")
    with transaction(con):
        keep_intervals(con, warehouse.settings.training.random_state)
    figures = _figures(con, end, warehouse.settings.scoring.top_k)
    content = PerformanceReport(
        **figures,
        remarks=remarks(figures),
        doubts=doubts(figures["estimates"], figures["evidence"], warehouse.settings),
    )
    write_json(warehouse.reports / "performance_latest.json", content)
    return content


def _figures(con: duckdb.DuckDBPyConnection, end: date, top_k: int) -> PerformanceFigures:
    dates = records(con, "from realised_performance order by as_of_date, model_version")
    reliability = records(con, "from realised_reliability order by all")
    estimates = records(con, "from expected_performance_record order by as_of_date, model_version, metric")
    evidence = records(con, "from expected_performance_evidence order by as_of_date, model_version")
    return {
        "as_of_date": end,
        "top_k": top_k,
        "dates": cast("list[RealisedDay]", dates),
        "intervals": _intervals(con),
        "reliability": cast("list[ReliabilityTenth]", reliability),
        "estimates": cast("list[EstimateRecord]", estimates),
        "evidence": cast("list[EstimateEvidence]", evidence),
        "other_horizon_scorings": _other_horizon_scorings(con),
    }


def _intervals(con: duckdb.DuckDBPyConnection) -> list[RealisedInterval]:
    """Intervals of the days whose labels are known by the as-of date."""
    rows = records(
        con,
        """select as_of_date, model_version, metric, low, high
        from realised_intervals
        semi join (
            select as_of_date, model_version from realised_performance where matured_users > 0
        ) using (as_of_date, model_version)
        order by as_of_date, model_version, metric""",
    )
    return cast("list[RealisedInterval]", rows)


def _other_horizon_scorings(con: duckdb.DuckDBPyConnection) -> int:
    """Number of scorings up to the as-of date by models of another horizon, which these labels cannot judge."""
    return int(
        con.execute("""
            select count(distinct (as_of_date, model_version))
            from scores
            anti join realised_performance using (as_of_date, model_version)
            where as_of_date <= (select period.as_of_date from period)""").fetchall()[0][0]
    )


def keep_intervals(con: duckdb.DuckDBPyConnection, seed: int) -> None:
    """Resample the intervals of each matured day and model whose scores or labels changed since the last resampling."""
    for day, version, digest in _changed(con):
        con.execute("delete from realised_intervals where as_of_date = ? and model_version = ?", [day, version])
        rows = [
            (day, version, metric, low, high, REPLICATES, seed, digest)
            for metric, (low, high) in intervals(*_outcomes(con, day, version), seed).items()
        ]
        if rows:
            con.executemany(
                """insert into realised_intervals
                    (as_of_date, model_version, metric, low, high, replicates, seed, digest)
                values (?, ?, ?, ?, ?, ?, ?, ?)""",
                rows,
            )


def _changed(con: duckdb.DuckDBPyConnection) -> list[tuple[date, str, str]]:
    return con.execute("""
        with matured as (
            select
                as_of_date,
                model_version,
                count(*) || '-' || bit_xor(md5_number_lower(
                    concat_ws('|', user_id, churn_risk, days_since_last_activity, churn_label)
                )) as digest
            from realised_scores
            where churn_label is not null
            group by as_of_date, model_version
        )

        select as_of_date, model_version, digest
        from matured
        anti join realised_intervals using (as_of_date, model_version, digest)
        order by as_of_date, model_version""").fetchall()


def _outcomes(con: duckdb.DuckDBPyConnection, day: date, version: str) -> tuple[Vector, Vector, Vector]:
    """Risk, days of silence and label of the matured users, float64[N] each, ordered by user."""
    columns = con.execute(
        """select
            churn_risk,
            cast(days_since_last_activity as double) as recency,
            cast(churn_label as double) as label
        from realised_scores
        where as_of_date = ? and model_version = ? and churn_label is not null
        order by user_id""",
        [day, version],
    ).fetchnumpy()
    return columns["churn_risk"], columns["recency"], columns["label"]


def intervals(risk: Vector, recency: Vector, label: Vector, seed: int) -> dict[str, list[float]]:
    """Returns the 95 % interval of METRICS and of the gain over the recency rule; empty where one class is missing."""
    if not 0 < label.sum() < len(label):
        return {}
    metrics_by_weight = [
        ranking_metrics(risk, label),
        ranking_metrics(recency, label),
        probability_metrics(risk, label),
        lambda weight: [float(weight @ label / weight.sum())],
    ]
    users = Users.of(np.arange(len(label)), label)
    draws = resampled(metrics_by_weight, users, seed)
    gain = draws[:, METRICS.index("pr_auc")] - draws[:, METRICS.index("recency_pr_auc")]
    return {metric: interval(values, users) for metric, values in zip(METRICS, draws.T, strict=True)} | {
        "pr_auc_gain": interval(gain, users)
    }
