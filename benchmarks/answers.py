"""How good the answer is: walk forward over a log with the configuration that `init` proposes, beside simpler answers.

At each origin everything is done as on that evening (train, gate, score), then realised outcomes are looked up. A log
is a folder with events and, where there are any, users: `answers.py cdnow=PATH:90 oulad=PATH:30` (name=folder:horizon).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import yaml
from measured import table
from scipy.optimize import minimize
from scipy.special import betaln, gammaln

from churn_duck.evaluation.metrics import calibration_error, losses, ranking_metrics
from churn_duck.evaluation.promote import promote
from churn_duck.ingestion.land import land_configured
from churn_duck.scoring.score import score
from churn_duck.settings.config import MODEL_NAMES, Settings
from churn_duck.settings.load import load_settings
from churn_duck.training.train import train
from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.build import build
from churn_duck.warehouse.store import Warehouse, connected

Vector = npt.NDArray[np.float64]
CHURN_DUCK = Path(sys.executable).with_name("churn-duck")
METRICS = ("roc_auc", "pr_auc", "log_loss", "ece_less_chance")
SCORERS = ("engine", "original models", "recency", "BG/NBD")
CHANCE_DRAWS = 200


@dataclass(frozen=True)
class Log:
    """A log, its horizon in days, and the first and last evening at which the walk forward stands."""

    name: str
    folder: Path
    horizon: int

    def file(self, table_name: str) -> Path | None:
        """The file of users or events. Some logs have no users."""
        return next((path for path in sorted(self.folder.glob(f"{table_name}.*")) if path.is_file()), None)


@dataclass(frozen=True)
class Day:
    """The eligible users of one origin, what each scorer says of them, and whether they left."""

    origin: date
    label: Vector
    scores: dict[str, Vector]
    promises: dict[str, tuple[float, float]]


def main() -> None:
    """Walk each log forward and print its figures in Markdown, or all of them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", nargs="+", help="name=folder:horizon")
    parser.add_argument("--origins", type=int, default=6, help="evenings to stand at (default: 6)")
    parser.add_argument("--every", type=int, help="days between them (default: the horizon, less on a short log)")
    parser.add_argument("--at", type=date.fromisoformat, help="one evening only")
    parser.add_argument("--engine-only", action="store_true", help="without the original models")
    parser.add_argument("--json", action="store_true", help="every figure of every origin")
    options = parser.parse_args()
    for log in map(parsed, options.logs):
        with TemporaryDirectory(prefix="churn-duck-answers-") as folder:
            days = list(walked(log, Path(folder), options))
        print(json.dumps(as_records(log, days))) if options.json else print(report(log, days))


def parsed(text: str) -> Log:
    """`cdnow=data/cdnow:90`."""
    name, _, place = text.partition("=")
    folder, _, horizon = place.rpartition(":")
    return Log(name, Path(folder).resolve(), int(horizon))


def walked(log: Log, folder: Path, options: argparse.Namespace) -> Iterator[Day]:
    """The days of a log, oldest first, each as it was known on its evening."""
    settings = proposed(log, folder)
    warehouse = landed(settings, folder / "engine")
    evenings = [options.at] if options.at else origins(warehouse, log.horizon, options.origins, options.every)
    sides = {"engine": warehouse}
    if not options.engine_only:
        sides["original models"] = Warehouse(folder / "original", original(settings))
        sides["original models"].root.mkdir()
        for name in ("raw", "quarantine"):
            (sides["original models"].root / name).symlink_to(warehouse.root / name)
    risks = {side: dict(scored(at, evenings)) for side, at in sides.items()}
    for evening in evenings:
        yield outcome(warehouse, evening, {side: risks[side].get(evening) for side in sides})


def proposed(log: Log, folder: Path) -> Settings:
    """What `init` writes for the files, with the horizon of the log in place of its guess."""
    configuration = folder / "churn_duck.yaml"
    users = log.file("users")
    command = ["init", "--events", str(log.file("events")), *(["--users", str(users)] if users else [])]
    subprocess.run([CHURN_DUCK, *command, "--out", configuration], check=True, capture_output=True, text=True)
    content = yaml.safe_load(configuration.read_text())
    content.setdefault("churn", {})["window_days"] = log.horizon
    content.setdefault("population", {}).setdefault("active_within_days", log.horizon)
    content["population"]["active_within_days"] = log.horizon
    configuration.write_text(yaml.safe_dump(content, sort_keys=False))
    return load_settings(configuration)


def original(settings: Settings) -> Settings:
    """The original's models on the windows alone."""
    return settings.model_copy(
        update={
            "training": settings.training.model_copy(update={"recipe": "original"}),
            "features": settings.features.model_copy(update={"history": False}),
        }
    )


def landed(settings: Settings, root: Path) -> Warehouse:
    """The files of the settings in a warehouse."""
    root.mkdir()
    warehouse = Warehouse(root, settings)
    land_configured(warehouse, quiet)
    return warehouse


def origins(warehouse: Warehouse, horizon: int, count: int, every: int | None) -> list[date]:
    """Evenings with all outcomes known, the last one as late as it can be, within the second half of the log."""
    with connected(warehouse) as con:
        list(build(con, warehouse))
        first, end = con.execute("select first_event_date, as_of_date from period").fetchall()[0]
    last = end - timedelta(days=horizon)
    room = (last - first).days - horizon - 1
    step = every or max(1, min(horizon, room // max(count, 1)))
    return [last - timedelta(days=step * back) for back in reversed(range(count))]


def scored(warehouse: Warehouse, evenings: Sequence[date]) -> Iterator[tuple[date, pl.DataFrame]]:
    """Of each evening user_id and churn_risk, with the promise made for that day."""
    with connected(warehouse) as con:
        list(build(con, warehouse))
        for evening in evenings:
            train(con, warehouse, MODEL_NAMES, evening, quiet, force=True)
            promote(con, warehouse, evening)
            score(con, warehouse, evening, None, quiet)
            frame: pl.DataFrame = con.sql(f"""select user_id, churn_risk from predictions
                where as_of_date = date '{evening}'""").pl()
            yield evening, frame


def quiet(step: str) -> None:
    """No progress is shown."""


def outcome(warehouse: Warehouse, evening: date, risks: dict[str, pl.DataFrame | None]) -> Day:
    """Every scorer on the eligible users of an evening, and who left."""
    with connected(warehouse) as con:
        set_as_of_date(con, warehouse, None)
        frame: pl.DataFrame = con.sql(f"""select user_id, features.days_since_last_activity as recency, churn_label
            from eligible_features([date '{evening}']) as features
            inner join user_labels([date '{evening}']) as labels using (user_id, as_of_date)
            order by user_id""").pl()
        histories: pl.DataFrame = con.sql(f"""select user_id, count(*) - 1 as repeats,
                date_diff('day', min(activity_date), max(activity_date)) as last_day,
                date_diff('day', min(activity_date), date '{evening}') as age
            from user_activity where activity_date <= date '{evening}' and is_active_day = 1 group by user_id""").pl()
        promises = con.execute(
            f"select metric, low, high from expected_performance where as_of_date = date '{evening}'"
        ).fetchall()
    frame = frame.join(histories, on="user_id", how="left", maintain_order="left")
    scores = {"recency": frame["recency"].to_numpy().astype(np.float64)}
    scores["BG/NBD"] = bg_nbd(frame, histories, warehouse.settings.churn.window_days)
    for side, risk in risks.items():
        if risk is not None:
            scores[side] = frame.join(risk, on="user_id", how="left", maintain_order="left")["churn_risk"].to_numpy()
    label = frame["churn_label"].to_numpy().astype(np.float64)
    return Day(evening, label, scores, {metric: (low, high) for metric, low, high in promises})


def bg_nbd(frame: pl.DataFrame, histories: pl.DataFrame, horizon: int) -> Vector:
    """The chance of no active day in the horizon, by a BG/NBD fitted to all histories up to the evening."""
    fitted = histories.select(pl.col("repeats", "last_day", "age").cast(pl.Float64)).to_numpy()
    r, alpha, a, b = np.exp(
        minimize(lambda log: bg_nbd_loss(np.exp(log), *fitted.T), np.log([1.0, 10.0, 1.0, 2.0]), method="L-BFGS-B").x
    )
    x, t_x, t = frame.select(pl.col("repeats", "last_day", "age").cast(pl.Float64).fill_null(0)).to_numpy().T
    odds_gone = np.where(x > 0, a / (b + np.maximum(x, 1) - 1) * ((alpha + t) / (alpha + t_x)) ** (r + x), 0.0)
    none_if_alive = ((alpha + t) / (alpha + t + horizon)) ** (r + x)
    alive = 1 / (1 + odds_gone)
    return np.asarray(1 - alive * (1 - none_if_alive))


def bg_nbd_loss(parameters: Vector, x: Vector, t_x: Vector, t: Vector) -> float:
    """Negative log-likelihood a user (Fader, Hardie and Lee 2005)."""
    r, alpha, a, b = parameters
    shared = betaln(a, b + x) - betaln(a, b) + gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    alive = -(r + x) * np.log(alpha + t)
    gone = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t_x)
    return float(-(shared + np.where(x > 0, np.logaddexp(alive, gone), alive)).mean())


def figures(score_values: Vector, label: Vector, is_probability: bool) -> dict[str, float]:
    """ROC-AUC and PR-AUC; of probabilities log-loss and the ECE less what chance makes of true ones."""
    pr_auc, roc_auc = ranking_metrics(score_values, label)(np.ones(len(label)))
    values = {"roc_auc": roc_auc, "pr_auc": pr_auc}
    if is_probability:
        random = np.random.default_rng(0)
        drawn = [calibration_error(score_values, random.random(len(label)) < score_values) for _ in range(CHANCE_DRAWS)]
        values["log_loss"] = float(losses(score_values, label)[0].mean())
        values["ece_less_chance"] = calibration_error(score_values, label) - float(np.mean(drawn))
    return values


def of_day(day: Day) -> dict[str, dict[str, float]]:
    """The figures of each scorer on one day."""
    return {name: figures(values, day.label, name != "recency") for name, values in day.scores.items()}


def is_covered(day: Day) -> dict[str, bool]:
    """Of each promised metric, whether its realised figure lies inside the interval."""
    realised = of_day(day)["engine"] | {"churn_rate": float(day.label.mean())}
    return {name: low <= realised[name] <= high for name, (low, high) in day.promises.items() if name in realised}


def as_records(log: Log, days: Sequence[Day]) -> list[dict[str, Any]]:
    """One record an origin."""
    return [
        {
            "log": log.name,
            "origin": str(day.origin),
            "users": len(day.label),
            "churn_rate": float(day.label.mean()),
            "figures": of_day(day),
            "promises": day.promises,
            "covered": is_covered(day),
        }
        for day in days
    ]


def report(log: Log, days: Sequence[Day]) -> str:
    """Markdown: each origin of the engine, the mean of each scorer, and how many promises held."""
    by_day = {day.origin: of_day(day) for day in days}
    lines = [f"\n{log.name}: horizon {log.horizon} days, {len(days)} origins\n"]
    rows = [
        [str(day.origin), f"{len(day.label):,}", f"{day.label.mean():.3f}", *cells(by_day[day.origin]["engine"])]
        for day in days
    ]
    lines.append(table(("origin", "users", "churn rate", *METRICS), rows))
    names = [name for name in SCORERS if all(name in values for values in by_day.values())]
    means = [[name, *cells(mean_of([values[name] for values in by_day.values()]))] for name in names]
    lines += ["", table(("mean over origins", *METRICS), means), "", coverage(days)]
    return "\n".join(lines)


def cells(values: dict[str, float]) -> list[str]:
    """Three digits, a dash where a scorer gives no probability."""
    return [f"{values[name]:.3f}" if name in values else "-" for name in METRICS]


def mean_of(values: Sequence[dict[str, float]]) -> dict[str, float]:
    """Of each metric that all have."""
    return {name: float(np.mean([each[name] for each in values])) for name in values[0]}


def coverage(days: Sequence[Day]) -> str:
    """Of each promised metric, in how many origins the realised figure lay inside."""
    held = [is_covered(day) for day in days]
    names = sorted({name for each in held for name in each})
    return "inside the promised 95 % interval: " + ", ".join(
        f"{name} {sum(each.get(name, False) for each in held)}/{sum(name in each for each in held)}" for name in names
    )


if __name__ == "__main__":
    main()
