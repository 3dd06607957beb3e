"""Proofs that features, labels and scores never depend on later events, on simulated data run through the engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl

from churn_duck.evaluation.bootstrap import Users, interval, resampled
from churn_duck.evaluation.metrics import Codes, Vector, metric_of
from churn_duck.evaluation.promote import promote
from churn_duck.ingestion.land import land_sources
from churn_duck.model.dataset import FeatureSchema, Rows, learn_schema, read_rows
from churn_duck.progress import Progress, no_progress
from churn_duck.proof.finding import Finding
from churn_duck.proof.generate import generate
from churn_duck.proof.synthetic import World
from churn_duck.scoring.score import score
from churn_duck.settings.config import MODEL_NAMES, Settings
from churn_duck.training.estimators import fit, risk
from churn_duck.training.train import train
from churn_duck.warehouse.build import build
from churn_duck.warehouse.store import Warehouse, open_warehouse, working

# the data continue for 30 days after the as-of date
DAYS, EVENING = 200, 170
PLACEBOS, PLACEBO_RATE, TREES = 50, 0.3, 60
FINGERPRINTS = {
    "features": "select * from user_features_daily order by user_id, as_of_date",
    "training rows": "select * from training_dataset order by user_id, as_of_date",
    "scores": "select user_id, as_of_date, churn_risk, risk_rank from scores order by user_id",
}


def leakage(seed: int, folder: Path, progress: Progress, n_users: int = 400) -> Iterator[Finding]:
    """Yields findings on an altered future, random labels, and training without the purge."""
    world = World(n_users=n_users, days=DAYS, seed=seed)
    evening = world.start_date + timedelta(days=EVENING)
    progress("leakage: inventing users")
    list(generate(world, folder))
    yield from _futures(folder, evening, progress)
    with working(open_warehouse(Settings(), folder / "as it was"), "prove") as con:
        schema = learn_schema(con, Settings())
        rows = read_rows(con, schema, "training_dataset")
    yield from _placebos(schema, rows, seed, progress)


def _futures(folder: Path, evening: date, progress: Progress) -> Iterator[Finding]:
    events = pl.read_parquet(folder / "events.parquet")
    logs = {
        "as it was": events,
        "another future": garbled(events, evening + timedelta(days=1)),
        "another past": events.filter((pl.col("event_time") > evening) | (pl.col("user_id") % 10 > 0)),
    }
    seen = {}
    for story, log in logs.items():
        progress(f"leakage: {story}")
        path = folder / f"{story}.parquet"
        log.write_parquet(path)
        seen[story] = _seen(open_warehouse(Settings(), folder / story), folder / "users.parquet", path, evening)
    before, figure = seen.pop("as it was"), f"changed of {', '.join(FINGERPRINTS)}"
    changed = {story: sum(other[name] != before[name] for name in FINGERPRINTS) for story, other in seen.items()}
    yield Finding("leakage", "all events after the evening garbled", figure, changed["another future"], 0, 0)
    every = len(FINGERPRINTS)
    yield Finding("leakage", "a tenth of the users silent before it", figure, changed["another past"], every, every)


def garbled(events: pl.DataFrame, first: date) -> pl.DataFrame:
    """Returns the log with all events from `first` on assigned to other users and another type."""
    later = pl.col("event_time") >= first
    others = events.filter(later).with_columns(
        pl.col("user_id").reverse(), event_type=pl.lit("support_ticket"), watch_minutes=pl.lit(500.0)
    )
    return pl.concat([events.filter(~later), others])


def _seen(warehouse: Warehouse, users: Path, events: Path, evening: date) -> dict[str, str]:
    """Returns fingerprints of the engine's results at that as-of date."""
    land_sources(warehouse, str(users), str(events), no_progress)
    with working(warehouse, "prove") as con:
        list(build(con, warehouse))
        train(con, warehouse, MODEL_NAMES, evening, no_progress)
        promote(con, warehouse, evening)
        score(con, warehouse, evening, None, no_progress)
        return {name: _fingerprint(con, query) for name, query in FINGERPRINTS.items()}


def _fingerprint(con: duckdb.DuckDBPyConnection, query: str) -> str:
    return str(con.execute(f"select md5(string_agg(cast(row as varchar), '|')) from ({query}) as row").fetchall())


def _placebos(schema: FeatureSchema, rows: Rows, seed: int, progress: Progress) -> Iterator[Finding]:
    """Random labels, independent of the features: only a training that overlaps the test window beats chance.

    Users return at random, so labels more than a churn window apart are independent, and nearer ones are not.
    """
    results = []
    for number in range(PLACEBOS):
        progress(f"leakage: placebo {number + 1} of {PLACEBOS}")
        results.append(_placebo(schema, rows, np.random.default_rng([seed, 6, number])))
    held, purged, careless = np.array(results).T
    planted = f"users who come back by dice, {PLACEBOS} times"
    near = 3 * float(purged.std(ddof=1)) / PLACEBOS**0.5
    yield Finding("leakage", planted, "ROC-AUC intervals that hold 0.5", float(held.mean()), 0.85)
    figure = "mean ROC-AUC of the first test day"
    yield Finding("leakage", planted, figure, float(purged.mean()), 0.5 - near, 0.5 + near)
    yield Finding("leakage", "the same, trained without the purge", figure, float(careless.mean()), 0.5 + near)


def _placebo(schema: FeatureSchema, rows: Rows, random: np.random.Generator) -> list[float]:
    """Returns whether the ROC-AUC interval holds 0.5, and ROC-AUC of the first test day with and without the purge."""
    label, test = by_dice(rows, random), rows.split == "test"
    purged, careless = (_risk(schema, rows, label, learned) for learned in (rows.split == "train", ~test))
    users = Users.of(rows.user[test], label[test])
    low, high = interval(resampled([metric_of("roc_auc", purged[test], label[test])], users, 0)[:, 0], users)
    first = _day(rows) == _day(rows)[test].min()
    weight = np.ones(int(first.sum()))
    areas = [metric_of("roc_auc", scores[first], label[first])(weight)[0] for scores in (purged, careless)]
    return [float(low <= 0.5 <= high), *areas]


def _day(rows: Rows) -> Codes:
    """Returns the day of every row, counted from the first."""
    day = rows.keys["as_of_date"].to_physical().to_numpy().astype(np.int64)
    return np.asarray(day - day.min())


def by_dice(rows: Rows, random: np.random.Generator) -> Vector:
    """Returns the label of every row if each user were active on any day with the same probability."""
    window, day = Settings().churn.window_days, _day(rows)
    active = random.random((rows.user.max() + 1, day.max() + window + 1)) > PLACEBO_RATE ** (1 / window)
    so_far = np.cumsum(active, axis=1)
    return np.asarray(so_far[rows.user, day + window] == so_far[rows.user, day], dtype=np.float64)


def _risk(schema: FeatureSchema, rows: Rows, label: Vector, learned: npt.NDArray[np.bool_]) -> Vector:
    """Returns the risk of every row, by a model trained on the `learned` rows."""
    model = fit("candidate_hgb", schema, Settings().training, rows.features[learned], label[learned], TREES)
    return risk(model, rows.features)
