"""Would it have worked: train, gate and score as on past evenings, then look up what happened."""

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
from churn_duck.evaluation.promote import Decision, promote
from churn_duck.model.onnx_model import OnnxModel
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

# two ways of adding up the same sums
SAME = 1e-9


@dataclass(frozen=True)
class _Evening:
    """What stood at one origin: the gate's decision, who scored, and who had scored until then."""

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
    """Walk forward over `origins` evenings, the last one with all its labels known at `as_of`; rows of `backtest`.

    All of it happens in a scratch warehouse over the same landed files: registry, ledger and predictions stay as they
    are, only `backtest_runs` and `backtest_scores` are replaced.
    Raises: HistoryTooShort with the number of origins that the history allows; AuditFailed when a label window crossed
    its origin, or scores of an evening differ from those made with today's knowledge of it.
    """
    end = set_as_of_date(con, warehouse, as_of)
    evenings = _origins(con, warehouse, origins, every_days, end)
    with _scratch(warehouse) as (scratch, apart):
        held = [_evening(apart, scratch, origin, progress) for origin in evenings]
        set_as_of_date(apart, scratch, end)
        progress("looking up what happened")
        runs = pl.DataFrame([_run(one, warehouse.settings.scoring.top_k) for one in held])
        scores = pl.concat([_scores(apart, one) for one in held])
    _keep(con, runs, scores)
    return rows(con)


def rows(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The last backtest, one dictionary an origin; empty before the first."""
    return records(con, "from backtest order by origin_date")


def _origins(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, origins: int, every_days: int | None, end: date
) -> list[date]:
    """The evenings, oldest first. Label windows do not overlap unless `every_days` says so."""
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
    """An empty warehouse over the same landed files, built, and gone afterwards."""
    with TemporaryDirectory(dir=warehouse.root, prefix=".backtest-") as folder:
        scratch = Warehouse(Path(folder), warehouse.settings)
        for name in ("raw", "quarantine"):
            (scratch.root / name).symlink_to((warehouse.root / name).resolve())
        with connected(scratch) as con:
            list(build(con, scratch))
            yield scratch, con


def _evening(con: duckdb.DuckDBPyConnection, scratch: Warehouse, origin: date, progress: Progress) -> _Evening:
    """Everything that a run would have done on that evening."""
    incumbent = production(con, scratch)
    train(con, scratch, MODEL_NAMES, origin, lambda step: progress(f"{origin}: {step}"), force=True)
    decision = promote(con, scratch, origin)
    score(con, scratch, origin, None, lambda step: progress(f"{origin}: {step}"))
    return _Evening(origin, decision, require_production(con, scratch), incumbent)


def _run(one: _Evening, top_k: int) -> dict[str, Any]:
    shipped = one.scorer.metrics["shipped"]
    return {
        "origin_date": one.origin,
        "model_version": one.scorer.model_version,
        "incumbent_version": one.incumbent.model_version if one.incumbent else None,
        "is_promoted": one.decision.promoted,
        "reason": one.decision.reason,
        "train_rows": shipped["rows"],
        "last_label_date": date.fromisoformat(shipped["last_label_date"]),
        "top_k": top_k,
        "backtested_at": utc_now(),
    }


def _scores(con: duckdb.DuckDBPyConnection, one: _Evening) -> pl.DataFrame:
    """The ledger's scores of that evening, the incumbent's beside them, and what came true."""
    scorer = one.scorer.scoring_model()
    told: pl.DataFrame = con.sql(f"""select user_id, days_since_last_activity, churn_label, churn_risk
        from predictions
        inner join user_labels([date {literal(one.origin)}]) using (user_id, as_of_date)
        inner join (
            select user_id, as_of_date, days_since_last_activity
            from eligible_features([date {literal(one.origin)}])
        ) using (user_id, as_of_date)
        order by user_id""").pl()
    again = _risks(con, scorer, one.origin)
    if told.height != again.height or not np.allclose(told["churn_risk"], again["risk"], rtol=0, atol=SAME):
        raise AuditFailed(f"the scores of {one.origin} differ from those made with the whole log at hand: a leak")
    incumbent = _risks(con, one.incumbent.scoring_model(), one.origin)["risk"] if one.incumbent else None
    beside = pl.lit(None, pl.Float64) if incumbent is None else incumbent
    return told.with_columns(origin_date=pl.lit(one.origin), incumbent_risk=beside)


def _risks(con: duckdb.DuckDBPyConnection, model: OnnxModel, origin: date) -> pl.DataFrame:
    """user_id and risk of everyone eligible on that evening, by a model of any evening."""
    relation = f"eligible_features([date {literal(origin)}])"
    frame: pl.DataFrame = con.sql(f"select user_id, {model.schema.select_list()} from {relation} order by user_id").pl()
    features = frame.select(model.schema.names).fill_null(float("nan")).to_numpy(order="c")
    risk = model.risk(np.ascontiguousarray(features, dtype=np.float32))
    return frame.select("user_id", pl.Series("risk", risk))


def _keep(con: duckdb.DuckDBPyConnection, runs: pl.DataFrame, scores: pl.DataFrame) -> None:
    """In place of the last backtest. Raises: AuditFailed when a training label window crosses its origin."""
    with transaction(con):
        for name, frame in (("backtest_runs", runs), ("backtest_scores", scores)):
            con.execute(f"delete from {name}")
            con.register("made", frame)
            con.execute(f"insert into {name} by name from made")
            con.unregister("made")
        leaks = con.execute("from backtest_leaks").fetchall()
        if leaks:
            raise AuditFailed(f"labels of {leaks[0][1]} look at {leaks[0][2]}, past its origin {leaks[0][0]}")
