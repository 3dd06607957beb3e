"""Figures of an evaluation and their 95 % intervals, from the test rows in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from churn_duck.evaluation.bootstrap import REPLICATES, Users, interval, resampled_users
from churn_duck.evaluation.figures import Interval
from churn_duck.evaluation.metrics import (
    PROBABILITY,
    RANKING,
    TOP_SHARES,
    Codes,
    Vector,
    Weighing,
    calibration_line,
    log_odds,
    losses,
    newton_step,
    ranking_and_top_metrics,
    sigmoid,
    tenths,
)

TOPS = tuple(f"{kind}_{top}" for top in ("capacity", *TOP_SHARES) for kind in ("precision", "lift"))
CALIBRATION = ("ece", "slope", "intercept")
# distance of a resample's ten gaps from the sample's: an upper bound of what sampling noise adds to the ECE
NOISE = "ece_noise"
# a churner who has been silent this long was easy to predict
SILENT_DAYS = 14
TENTHS = 10
_SCORER_COLUMNS = np.dtype(
    [
        ("log_loss", np.float64),
        ("brier", np.float64),
        ("gradient", np.float64, 2),
        ("hessian", np.float64, 3),
        ("gaps", np.float64, TENTHS),
    ]
)
_COLUMNS = np.dtype(
    [
        ("rows", np.float64),
        ("churners", np.float64),
        ("silent_churners", np.float64),
        ("model", _SCORER_COLUMNS),
        ("raw", _SCORER_COLUMNS),
    ]
)


@dataclass(frozen=True)
class Outcomes:
    """Test rows of one population: raw and calibrated risk, and the outcome; each float64[N] or int[N]."""

    user: Codes
    day: Codes
    recency: Vector
    label: Vector
    raw_risk: Vector
    churn_risk: Vector


def intervals(
    rows: Outcomes, capacity: int, seed: int, replicates: int = REPLICATES
) -> dict[tuple[str, str], Interval]:
    """Returns the 95 % interval of each (scorer, metric), all from the same resamples of users.

    The interval of the ECE extends below its percentiles, since sampling noise raises every ECE, and that of a resample
    twice. It covers at least 95 %.
    """
    users = Users.of(rows.user, rows.label)
    weighed = _Weighed.of(rows, users, capacity)
    draws = weighed.named(resampled_users(weighed.weigh, users, seed, replicates).T)
    ranges = {name: interval(values, users) for name, values in draws.items()}
    for scorer, ece in weighed.sums.ece.items():
        _, noise = ranges.pop((scorer, NOISE))
        ranges[scorer, "ece"][0] = max(0.0, ece - noise)
    return ranges


def figures(rows: Outcomes, capacity: int) -> dict[tuple[str, str], float]:
    """Returns the value, on all rows, of each (scorer, metric) that has an interval."""
    users = Users.of(rows.user, rows.label)
    weighed = _Weighed.of(rows, users, capacity)
    values = weighed.named(np.array(weighed.weigh(np.ones(users.n))))
    return {name: float(value) for name, value in values.items() if name[1] != NOISE}


@dataclass(frozen=True)
class _Weighed:
    """Every figure of some rows as a function of how often each user was drawn."""

    users: Users
    ranked: Mapping[str, Weighing]
    sums: _UserSums

    @staticmethod
    def of(rows: Outcomes, users: Users, capacity: int) -> _Weighed:
        scorers = {"model": rows.churn_risk, "recency_rule": rows.recency}
        ranked = {
            scorer: ranking_and_top_metrics(score, rows.label, rows.day, capacity) for scorer, score in scorers.items()
        }
        return _Weighed(users, ranked, _UserSums.of(rows, users))

    def weigh(self, times: Vector) -> list[float]:
        weight = times[self.users.code]
        return [value for weighing in self.ranked.values() for value in weighing(weight)] + self.sums.metrics(times)

    def named(self, values: Vector) -> dict[tuple[str, str], Vector]:
        """Returns `values`, one figure a row, by scorer and metric, and the gains over the recency rule."""
        names = [(scorer, metric) for scorer in self.ranked for metric in (*RANKING, *TOPS)] + self.sums.names
        named = dict(zip(names, values, strict=True))
        for metric in RANKING:
            named["model", f"{metric}_gain"] = named["model", metric] - named["recency_rule", metric]
        return named


@dataclass(frozen=True)
class _UserSums:
    """Sums by user, float64[users, columns of _COLUMNS], from which all metrics of probabilities follow.

    The calibration line of a resample is one step of Newton's method from that of the sample: exact to first order.
    """

    sums: Vector
    lines: Mapping[str, tuple[float, float]]
    gaps: Mapping[str, Vector]

    @staticmethod
    def of(rows: Outcomes, users: Users) -> _UserSums:
        risks = {"model": rows.churn_risk, "raw": rows.raw_risk}
        lines = {scorer: calibration_line(risk, rows.label) for scorer, risk in risks.items()}
        columns = [np.ones(len(rows.label)), rows.label, rows.label * (rows.recency >= SILENT_DAYS)]
        for scorer, risk in risks.items():
            columns += _scorer_columns(risk, rows.label, *lines[scorer])
        means = _named(np.array([column.mean() for column in columns]))
        sums = np.stack([np.bincount(users.code, column, users.n) for column in columns], axis=1)
        return _UserSums(
            sums.astype(np.float64, copy=False), lines, {scorer: means[scorer]["gaps"] for scorer in lines}
        )

    @property
    def ece(self) -> dict[str, float]:
        """The ECE of each scorer, on all rows."""
        return {scorer: float(np.abs(gaps).sum()) for scorer, gaps in self.gaps.items()}

    @property
    def names(self) -> list[tuple[str, str]]:
        """Scorer and metric of each value of `metrics`."""
        metrics = (*PROBABILITY, *CALIBRATION, NOISE)
        return [
            ("rows", "churn_rate"),
            ("rows", "silent_churners"),
            *((scorer, metric) for scorer in self.lines for metric in metrics),
        ]

    def metrics(self, times: Vector) -> list[float]:
        """Every metric where each user was drawn so many `times`, float64[users]."""
        total = _named(times @ self.sums)
        values = [total["churners"] / total["rows"], total["silent_churners"] / total["churners"]]
        for scorer in self.lines:
            values += self._scorer_metrics(scorer, total[scorer], total["rows"])
        return [float(value) for value in values]

    def _scorer_metrics(self, scorer: str, total: np.void, rows: float) -> list[float]:
        step, line = newton_step(total["gradient"], total["hessian"]), self.lines[scorer]
        gaps = total["gaps"] / rows
        ece, noise = np.abs(gaps).sum(), np.abs(gaps - self.gaps[scorer]).sum()
        return [total["log_loss"] / rows, total["brier"] / rows, ece, line[0] + step[0], line[1] + step[1], noise]


def _named(columns: Vector) -> np.void:
    """One value of each column, float64[columns], by the names of _COLUMNS."""
    record: np.void = columns.view(_COLUMNS)[0]
    return record


def _scorer_columns(risk: Vector, label: Vector, slope: float, intercept: float) -> list[Vector]:
    """The columns of _SCORER_COLUMNS, row by row; the derivatives are at the calibration line."""
    z, tenth = log_odds(risk), tenths(risk)
    fitted = sigmoid(slope * z + intercept)
    residual, variance = label - fitted, fitted * (1 - fitted)
    gradient, hessian = [residual, residual * z], [variance, variance * z, variance * z * z]
    gaps = [np.where(tenth == number, risk - label, 0.0) for number in range(TENTHS)]
    return [*losses(risk, label), *gradient, *hessian, *gaps]
