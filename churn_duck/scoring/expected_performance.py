"""The churn rate and PR-AUC to expect of a scoring, estimated before any of its labels is known.

Labels are drawn from the risks. The interval combines three sources of uncertainty: chance in the labels; the
covariance of the calibration line on the test rows, clustered by user; and the amount by which the test dates missed
their own estimates beyond chance. The last has a t distribution with one degree of freedom per churn window between
the test dates, since overlapping outcome windows are not independent.
"""

from __future__ import annotations

from dataclasses import dataclass

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
# upper limit of the labels drawn for one estimate, unless that allows fewer draws than FEWEST_DRAWS
MOST_LABELS = 20_000_000
PERFECT_LINE = (0.0, 1.0)


@dataclass(frozen=True)
class Evidence:
    """From the test rows: the covariance of (intercept, slope), float64[2, 2], and the spread of METRICS over dates."""

    line: Vector
    spread: Vector
    dates: int
    windows: int


@dataclass(frozen=True)
class Estimate:
    """The expected value of a metric, with its 95 % interval."""

    metric: str
    value: float
    low: float
    high: float
    spread: float


def append_estimates(con: duckdb.DuckDBPyConnection, window_days: int, seed: int) -> None:
    """Store the estimates for `scoring_run`; none where nobody was scored or its model has no test rows."""
    scoring = con.execute("""select distinct as_of_date, model_version, scored_at from scoring_run
        semi join (select model_version from test_scores where is_eligible) using (model_version)""").fetchall()
    if not scoring:
        return
    risk = con.execute("select churn_risk from scoring_run order by risk_rank").fetchnumpy()["churn_risk"]
    test = evidence(outcomes(con, scoring[0][1], "eligible"), window_days, seed)
    basis = (test.dates, test.windows, draws_of(risk), seed, utc_now())
    con.executemany(
        """insert into expected_performance
            (as_of_date, model_version, scored_at, metric, estimate, low, high, date_spread, test_dates, test_windows,
            draws, seed, made_at)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            (*scoring[0], row.metric, row.value, row.low, row.high, row.spread, *basis)
            for row in estimates(risk, test, seed)
        ],
    )


def draws_of(risk: Vector) -> int:
    """Returns the number of label sets to draw: the more users, the fewer draws are needed."""
    return int(np.clip(MOST_LABELS // len(risk), FEWEST_DRAWS, DRAWS))


def estimates(risk: Vector, test: Evidence, seed: int) -> list[Estimate]:
    """Returns one estimate per metric; no pr_auc where no draw has a churner."""
    random = np.random.default_rng([seed, len(risk)])
    lines = random.multivariate_normal(PERFECT_LINE, test.line, draws_of(risk))
    values = drawn(risk, lines, random)
    shifts = random.standard_t(test.windows, (len(lines), 1)) * test.spread
    shifted = sigmoid(_odds(values, len(risk)) + shifts)
    expected = (float(risk.mean()), float(np.nanmean(values[:, 1])) if np.isfinite(values[:, 1]).any() else np.nan)
    return [
        _estimate(metric, value, column[np.isfinite(column)], float(spread))
        for metric, value, column, spread in zip(METRICS, expected, shifted.T, test.spread, strict=True)
        if np.isfinite(value)
    ]


def _estimate(metric: str, value: float, drawn_values: Vector, spread: float) -> Estimate:
    low, high = middle(drawn_values)
    return Estimate(metric, value, low, high, spread)


def drawn(risk: Vector, lines: Vector, random: np.random.Generator) -> Vector:
    """Returns METRICS of labels drawn from the risks after each line (intercept, slope); float64[lines, 2].

    A draw without churners has a PR-AUC of NaN.
    """
    falling = np.sort(risk)[::-1]
    ends = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    tied, z = np.diff(ends, prepend=-1).astype(np.float64), log_odds(falling)
    values = np.full((len(lines), len(METRICS)), np.nan)
    for number, (intercept, slope) in enumerate(lines):
        label = random.random(len(z)) < sigmoid(intercept + slope * z)
        churners = np.cumsum(label)[ends].astype(np.float64)
        values[number, 0] = churners[-1] / len(z)
        if churners[-1]:
            values[number, 1] = _pr_auc(np.diff(churners, prepend=0.0), tied)
    return values


def _pr_auc(churners: Vector, tied: Vector) -> float:
    so_far = np.cumsum(churners)
    return float(churners @ (so_far / np.cumsum(tied)) / so_far[-1])


def _odds(values: Vector, rows: int) -> Vector:
    """Log-odds of metrics; 0 and 1 are moved inwards by half a row."""
    return log_odds(np.clip(values, 0.5 / rows, 1 - 0.5 / rows))


def evidence(rows: Outcomes, window_days: int, seed: int) -> Evidence:
    """Returns the evidence of a model's test rows about its risks."""
    days = np.unique(rows.day)
    windows = min(len(days), 1 + int(days[-1] - days[0]) // window_days)
    return Evidence(line_covariance(rows), date_spread(rows, seed), len(days), windows)


def line_covariance(rows: Outcomes) -> Vector:
    """Covariance of (intercept, slope) of the calibration line, float64[2, 2], with rows clustered by user."""
    slope, intercept = calibration_line(rows.churn_risk, rows.label)
    z = log_odds(rows.churn_risk)
    fitted = sigmoid(intercept + slope * z)
    design = np.stack([np.ones_like(z), z])
    inverse_hessian = np.linalg.inv((design * (fitted * (1 - fitted))) @ design.T)
    gradients = np.stack([np.bincount(rows.user, (rows.label - fitted) * column) for column in design])
    return np.asarray(inverse_hessian @ gradients @ gradients.T @ inverse_hessian)


def date_spread(rows: Outcomes, seed: int) -> Vector:
    """Root mean square error of the dates' own estimates of METRICS, in log-odds, beyond that of chance."""
    random = np.random.default_rng(seed)
    excess = np.array([_excess(rows, rows.day == day, random) for day in np.unique(rows.day)])
    dates = np.isfinite(excess).sum(axis=0)
    return np.asarray(np.sqrt(np.maximum(np.nansum(excess, axis=0) / np.maximum(dates, 1), 0)))


def _excess(rows: Outcomes, on_day: npt.NDArray[np.bool_], random: np.random.Generator) -> list[float]:
    """Squared error of METRICS on one date less its variance by chance; NaN where there is no PR-AUC."""
    risk, label = rows.churn_risk[on_day], rows.label[on_day]
    chance = _odds(drawn(risk, np.tile(PERFECT_LINE, (FEWEST_DRAWS, 1)), random), len(risk))
    missed = _odds(realised(risk, label), len(risk)) - chance
    return [
        float(errors.mean() ** 2 - errors.var()) if len(errors) else np.nan
        for errors in (column[np.isfinite(column)] for column in missed.T)
    ]


def realised(risk: Vector, label: Vector) -> Vector:
    """METRICS of known labels; the PR-AUC is NaN without churners."""
    if not label.any():
        return np.array([0.0, np.nan])
    return np.array([label.mean(), _pr_auc(*Ranking.of(risk, label).groups(np.ones(len(label))))])
