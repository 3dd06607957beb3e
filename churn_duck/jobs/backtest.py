"""Backtest: train, promote and score as of past days, then compare the scores with the outcomes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import polars as pl

from churn_duck.errors import AuditFailed, HistoryTooShort
from churn_duck.evaluation.figures import metrics_of
from churn_duck.evaluation.promote import Decision, promote
from churn_duck.model.registry import Version, production, require_production
from churn_duck.progress import Progress
from churn_duck.scoring.score import score
from churn_duck.settings.config import MODEL_NAMES
from churn_duck.training.preconditions import days_needed
from churn_duck.training.train import train
from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.build import build
from churn_duck.warehouse.query import literal, records
from churn_duck.warehouse.store import Warehouse, connected, transaction, utc_now

# two computations of the same score may differ by rounding
TOLERANCE = 1e-9


@dataclass(frozen=True)
class _Trial:
    """One origin: the decision of the promotion, the model that scored, and the production model until then."""

    origin: date
    decision: Decision
    scorer: Version
    incumbent: Version | None


def backtest(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    origins: int,
    every_days: int | None,
    as_of: date | None,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Walks forward over `origins` days, the last one with all labels known at `as_of`; returns rows of `backtest`.

    Everything runs in a scratch warehouse over the same landed files: registry, ledger and predictions are unchanged,
    only `backtest_runs` and `backtest_scores` are replaced.
    Raises: HistoryTooShort with the number of origins that the history allows; AuditFailed when a label window crosses
    its origin, or scores of an origin differ from those computed with all of today's data.
    """
    end = set_as_of_date(con, warehouse, as_of)
    dates = _origins(con, warehouse, origins, every_days, end)
    with _scratch(warehouse) as (scratch, scratch_con):
        trials = [_trial(scratch_con, scratch, origin, progress) for origin in dates]
        set_as_of_date(scratch_con, scratch, end)
        progress("looking up the outcomes")
        runs = pl.DataFrame([_run(trial, warehouse.settings.scoring.top_k) for trial in trials])
        scores = pl.concat([_scores(scratch_con, trial) for trial in trials])
    _replace(con, runs, scores)
    return rows(con)


def rows(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The last backtest, one dictionary an origin; empty before the first."""
    return records(con, "from backtest order by origin_date")


def _origins(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, origins: int, every_days: int | None, end: date
) -> list[date]:
    """Returns the origins, oldest first. Label windows do not overlap unless `every_days` is shorter than they are."""
    horizon = warehouse.settings.churn.window_days
    step, last = every_days or horizon, end - timedelta(days=horizon)
    first_event = con.execute("select first_event_date from period").fetchall()[0][0]
    earliest = first_event + timedelta(days=days_needed(warehouse.settings) - 1)
    possible = max(0, (last - earliest).days // step + 1)
    if origins > possible:
        raise HistoryTooShort(
            f"{origins} origins, {step} days apart, need more history: of {first_event} to {end}, "
            f"{days_needed(warehouse.settings)} days are needed before the first origin and {horizon} after the last, "
            f"which leaves room for {possible}; ask for fewer, or give a smaller --every"
        )
    return [last - timedelta(days=step * back) for back in reversed(range(origins))]


@contextmanager
def _scratch(warehouse: Warehouse) -> Iterator[tuple[Warehouse, duckdb.DuckDBPyConnection]]:
    """Yields a built, otherwise empty warehouse over the same landed files, and removes it afterwards."""
    with TemporaryDirectory(dir=warehouse.root, prefix=".backtest-") as folder:
        scratch = Warehouse(Path(folder), warehouse.settings)
        for name in ("raw", "quarantine"):
            (scratch.root / name).symlink_to((warehouse.root / name).resolve())
        with connected(scratch) as con:
            list(build(con, scratch))
            yield scratch, con


def _trial(con: duckdb.DuckDBPyConnection, scratch: Warehouse, origin: date, progress: Progress) -> _Trial:
    """Does everything that a run would have done as of that day."""
    incumbent = production(con, scratch)
    train(con, scratch, MODEL_NAMES, origin, lambda step: progress(f"{origin}: {step}"), force=True)
    decision = promote(con, scratch, origin)
    score(con, scratch, origin, None, lambda step: progress(f"{origin}: {step}"))
    return _Trial(origin, decision, require_production(con, scratch), incumbent)


def _run(trial: _Trial, top_k: int) -> dict[str, Any]:
    shipped = metrics_of(trial.scorer)["shipped"]
    return {
        "origin_date": trial.origin,
        "model_version": trial.scorer.model_version,
        "incumbent_version": trial.incumbent.model_version if trial.incumbent else None,
        "is_promoted": trial.decision.promoted,
        "reason": trial.decision.reason,
        "train_rows": shipped["rows"],
        "last_label_date": date.fromisoformat(shipped["last_label_date"]),
        "top_k": top_k,
        "backtested_at": utc_now(),
    }


def _scores(con: duckdb.DuckDBPyConnection, trial: _Trial) -> pl.DataFrame:
    """Returns the ledger's scores of that day, those of the incumbent, and the outcomes."""
    ledger: pl.DataFrame = con.sql(f"""select user_id, days_since_last_activity, churn_label, churn_risk
        from predictions
        inner join user_labels([date {literal(trial.origin)}]) using (user_id, as_of_date)
        inner join (
            select user_id, as_of_date, days_since_last_activity
            from eligible_features([date {literal(trial.origin)}])
        ) using (user_id, as_of_date)
        order by user_id""").pl()
    recomputed = _risks(con, trial.scorer, trial.origin)
    if ledger.height != recomputed.height or not np.allclose(
        ledger["churn_risk"], recomputed["risk"], rtol=0, atol=TOLERANCE
    ):
        raise AuditFailed(f"the scores of {trial.origin} differ from those computed with all of today's data: a leak")
    incumbent_risk: pl.Series | pl.Expr = pl.lit(None, pl.Float64)
    if trial.incumbent:
        incumbent_risk = _risks(con, trial.incumbent, trial.origin)["risk"]
    return ledger.with_columns(origin_date=pl.lit(trial.origin), incumbent_risk=incumbent_risk)


def _risks(con: duckdb.DuckDBPyConnection, version: Version, origin: date) -> pl.DataFrame:
    """Returns user_id and risk of all users eligible on that day, by any model."""
    model = version.scoring_model()
    relation = f"eligible_features([date {literal(origin)}])"
    frame: pl.DataFrame = con.sql(f"select user_id, {model.schema.select_list()} from {relation} order by user_id").pl()
    features = frame.select(model.schema.names).fill_null(float("nan")).to_numpy(order="c")
    risk = model.risk(np.ascontiguousarray(features, dtype=np.float32))
    return frame.select("user_id", pl.Series("risk", risk))


def _replace(con: duckdb.DuckDBPyConnection, run_frame: pl.DataFrame, score_frame: pl.DataFrame) -> None:
    """Replaces the last backtest. Raises: AuditFailed when a training label window crosses its origin."""
    with transaction(con):
        con.execute("delete from backtest_runs")
        con.execute("insert into backtest_runs by name from run_frame")
        con.execute("delete from backtest_scores")
        con.execute("insert into backtest_scores by name from score_frame")
        leaks = con.execute("select origin_date, model_version, last_label_date from backtest_leaks").fetchall()
        if leaks:
            origin, version, label_date = leaks[0]
            raise AuditFailed(f"{version} was trained on labels up to {label_date}, after its origin {origin}")
