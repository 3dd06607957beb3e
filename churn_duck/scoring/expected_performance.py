"""What churn rate and PR-AUC are to be expected of a scoring before one of its labels is known.

Labels are drawn from the risks. The interval is made of three things: chance in the labels, what the test rows leave
open about the calibration line (users as clusters), and how far the test dates missed their estimates beyond chance:
a t distribution with as many degrees of freedom as churn windows fit between these dates, since days whose futures
overlap are no second opinion.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import duckdb
import numpy as np
import numpy.typing as npt

from churn_duck.evaluation.bootstrap import middle
from churn_duck.evaluation.evaluate import outcomes
from churn_duck.evaluation.intervals import Outcomes
from churn_duck.evaluation.metrics import Ranking, Vector, calibration_line, log_odds, sigmoid
from churn_duck.warehouse.store import utc_now

METRICS = ("churn_rate", "pr_auc")
DRAWS, FEWEST_DRAWS = 1000, 200
# labels that one estimate draws at most, unless that makes fewer draws than FEWEST_DRAWS
MOST_LABELS = 20_000_000
PERFECT_LINE = (0.0, 1.0)


@dataclass(frozen=True)
class Evidence:
    """What a model's test rows say: how sure (intercept, slope) are, float64[2, 2], and of METRICS how dates spread."""

    line: Vector
    spread: Vector
    dates: int
    windows: int


@dataclass(frozen=True)
class Estimate:
    """A metric to be expected, with its 95 % interval."""

    metric: str
    value: float
    low: float
    high: float
    spread: float


def append_estimates(con: duckdb.DuckDBPyConnection, window_days: int, seed: int) -> None:
    """Keep what is expected of `scoring_run`; nothing where nobody was scored or no test rows of its model are kept."""
    scoring = con.execute("""select distinct as_of_date, model_version, scored_at from scoring_run
        semi join (select model_version from test_scores where is_eligible) using (model_version)""").fetchall()
    if not scoring:
        return
    risk = con.execute("select churn_risk from scoring_run order by risk_rank").fetchnumpy()["churn_risk"]
    found = evidence(outcomes(con, scoring[0][1], "eligible"), window_days, seed)
    about = (found.dates, found.windows, draws_of(risk), seed, utc_now())
    rows = [(*scoring[0], *astuple(made), *about) for made in estimates(risk, found, seed)]
    con.executemany(f"insert into expected_performance values ({', '.join('?' * 13)})", rows)


def draws_of(risk: Vector) -> int:
    """How many sets of labels are worth drawing: a million users say in few draws what a thousand say in many."""
    return int(np.clip(MOST_LABELS // len(risk), FEWEST_DRAWS, DRAWS))


def estimates(risk: Vector, found: Evidence, seed: int) -> list[Estimate]:
    """One estimate a metric; no pr_auc where no draw has a churner."""
    random = np.random.default_rng([seed, len(risk)])
    lines = random.multivariate_normal(PERFECT_LINE, found.line, draws_of(risk))
    values = drawn(risk, lines, random)
    shifts = random.standard_t(found.windows, (len(lines), 1)) * found.spread
    shifted = sigmoid(_odds(values, len(risk)) + shifts)
    expected = (float(risk.mean()), float(np.nanmean(values[:, 1])) if np.isfinite(values[:, 1]).any() else np.nan)
    return [
        _estimate(metric, value, own[np.isfinite(own)], float(spread))
        for metric, value, own, spread in zip(METRICS, expected, shifted.T, found.spread, strict=True)
        if np.isfinite(value)
    ]


def _estimate(metric: str, value: float, drawn_values: Vector, spread: float) -> Estimate:
    low, high = middle(drawn_values)
    return Estimate(metric, value, low, high, spread)


def drawn(risk: Vector, lines: Vector, random: np.random.Generator) -> Vector:
    """METRICS of labels drawn from the risks, moved by lines of (intercept, slope); float64[lines, 2].

    A draw without churners has a PR-AUC of NaN.
    """
    falling = np.sort(risk)[::-1]
    ends = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    tied, z = np.diff(ends, prepend=-1).astype(np.float64), log_odds(falling)
    values = np.full((len(lines), len(METRICS)), np.nan)
    for number, (intercept, slope) in enumerate(lines):
        label = random.random(len(z)) < sigmoid(intercept + slope * z)
        found = np.cumsum(label)[ends].astype(np.float64)
        values[number, 0] = found[-1] / len(z)
        if found[-1]:
            values[number, 1] = _pr_auc(np.diff(found, prepend=0.0), tied)
    return values


def _pr_auc(churners: Vector, tied: Vector) -> float:
    found = np.cumsum(churners)
    return float(churners @ (found / np.cumsum(tied)) / found[-1])


def _odds(values: Vector, rows: int) -> Vector:
    """Log-odds of metrics; 0 and 1 count as half a row."""
    return log_odds(np.clip(values, 0.5 / rows, 1 - 0.5 / rows))


def evidence(rows: Outcomes, window_days: int, seed: int) -> Evidence:
    """What the test rows of a model say of its risks."""
    days = np.unique(rows.day)
    windows = min(len(days), 1 + int(days[-1] - days[0]) // window_days)
    return Evidence(line_covariance(rows), date_spread(rows, seed), len(days), windows)


def line_covariance(rows: Outcomes) -> Vector:
    """Of (intercept, slope) of the calibration line, float64[2, 2]; the rows of a user are one piece of evidence."""
    slope, intercept = calibration_line(rows.churn_risk, rows.label)
    z = log_odds(rows.churn_risk)
    said = sigmoid(intercept + slope * z)
    read = np.stack([np.ones_like(z), z])
    bread = np.linalg.inv((read * (said * (1 - said))) @ read.T)
    pulls = np.stack([np.bincount(rows.user, (rows.label - said) * column) for column in read])
    return np.asarray(bread @ pulls @ pulls.T @ bread)


def date_spread(rows: Outcomes, seed: int) -> Vector:
    """Of METRICS, the root mean square by which dates missed their estimates in log-odds, less that of chance."""
    random = np.random.default_rng(seed)
    excess = np.array([_excess(rows, rows.day == day, random) for day in np.unique(rows.day)])
    dates = np.isfinite(excess).sum(axis=0)
    return np.asarray(np.sqrt(np.maximum(np.nansum(excess, axis=0) / np.maximum(dates, 1), 0)))


def _excess(rows: Outcomes, on_day: npt.NDArray[np.bool_], random: np.random.Generator) -> list[float]:
    """Of METRICS on one date, the squared miss less its variance by chance; NaN where there is no PR-AUC."""
    risk, label = rows.churn_risk[on_day], rows.label[on_day]
    chance = _odds(drawn(risk, np.tile(PERFECT_LINE, (FEWEST_DRAWS, 1)), random), len(risk))
    missed = _odds(realised(risk, label), len(risk)) - chance
    return [
        float(own.mean() ** 2 - own.var()) if len(own) else np.nan
        for own in (column[np.isfinite(column)] for column in missed.T)
    ]


def realised(risk: Vector, label: Vector) -> Vector:
    """METRICS of labels that are known; a PR-AUC of NaN without churners."""
    if not label.any():
        return np.array([0.0, np.nan])
    return np.array([label.mean(), _pr_auc(*Ranking.of(risk, label).groups(np.ones(len(label))))])
