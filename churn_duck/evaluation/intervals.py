"""95 % intervals of every figure of an evaluation, and the figures themselves, from the rows in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from churn_duck.evaluation.bootstrap import REPLICATES, Users, interval, resampled_users
from churn_duck.evaluation.metrics import (
    METRICS,
    RANKING,
    TOP_SHARES,
    Codes,
    Vector,
    Weighing,
    calibration_line,
    log_odds,
    losses,
    ranking_and_top_metrics,
    sigmoid,
    tenths,
)

TOPS = tuple(f"{kind}_{top}" for top in ("capacity", *TOP_SHARES) for kind in ("precision", "lift"))
CALIBRATION = ("ece", "slope", "intercept")
# how far a resample's ten gaps are from the sample's, added up: the most by which chance can have raised the ECE
NOISE = "ece_by_chance"
# a churner who has been silent this long was easy to foresee
SILENT_DAYS = 14


@dataclass(frozen=True)
class Outcomes:
    """Test rows of one population: what was said, raw and calibrated, and what came true; each float64[N] or int[N]."""

    user: Codes
    day: Codes
    recency: Vector
    label: Vector
    raw_risk: Vector
    churn_risk: Vector


def intervals(
    rows: Outcomes, capacity: int, seed: int, replicates: int = REPLICATES
) -> dict[tuple[str, str], list[float]]:
    """The 95 % interval of each (scorer, metric), all from the same resamples of users.

    The ECE's reaches further down than its percentiles: chance alone makes gaps, so every ECE is too high, and a
    resampled one twice. It covers at least 95 %.
    """
    users = Users.of(rows.user, rows.label)
    weighed = _Weighed.of(rows, users, capacity)
    draws = weighed.named(resampled_users(weighed.weigh, users, seed, replicates).T)
    found = {name: interval(values, users) for name, values in draws.items()}
    for scorer, ece in weighed.sums.ece.items():
        by_chance = found.pop((scorer, NOISE))[1]
        found[scorer, "ece"][0] = max(0.0, ece - by_chance)
    return found


def figures(rows: Outcomes, capacity: int) -> dict[tuple[str, str], float]:
    """The value of each (scorer, metric) that has an interval, on all rows."""
    users = Users.of(rows.user, rows.label)
    weighed = _Weighed.of(rows, users, capacity)
    values = weighed.named(np.array(weighed.weigh(np.ones(users.n))))
    return {name: float(value) for name, value in values.items() if name[1] != NOISE}


@dataclass(frozen=True)
class _Weighed:
    """Every figure of some rows, under any number of times that each user is taken."""

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
        """`values`, one figure a row, by scorer and metric, with the gains over the recency rule."""
        names = [(scorer, metric) for scorer in self.ranked for metric in (*RANKING, *TOPS)] + self.sums.names
        named = dict(zip(names, values, strict=True))
        for metric in RANKING:
            named["model", f"{metric}_gain"] = named["model", metric] - named["recency_rule", metric]
        return named


@dataclass(frozen=True)
class _UserSums:
    """Sums by user, float64[users, columns], of which every metric of probabilities is made: no row is looked at twice.

    The calibration line moves by one step of Newton's method from the whole sample's, which is exact to first order.
    """

    sums: Vector
    lines: Mapping[str, tuple[float, float]]
    gaps: Mapping[str, Vector]

    @staticmethod
    def of(rows: Outcomes, users: Users) -> _UserSums:
        silent = rows.label * (rows.recency >= SILENT_DAYS)
        columns, lines = [np.ones(len(rows.label)), rows.label, silent], {}
        for scorer, risk in _probabilities(rows).items():
            lines[scorer] = calibration_line(risk, rows.label)
            columns += _columns(risk, rows.label, *lines[scorer])
        sums = [np.bincount(users.code, column, users.n) for column in columns]
        means = np.array([column.mean() for column in columns[3:]])
        gaps = {scorer: own[7:] for scorer, own in zip(lines, np.split(means, len(lines)), strict=True)}
        return _UserSums(np.stack(sums, axis=1), lines, gaps)

    @property
    def ece(self) -> dict[str, float]:
        """Of each scorer, on all rows."""
        return {scorer: float(np.abs(gaps).sum()) for scorer, gaps in self.gaps.items()}

    @property
    def names(self) -> list[tuple[str, str]]:
        metrics = (*METRICS[2:], *CALIBRATION, NOISE)
        return [
            ("rows", "churn_rate"),
            ("rows", "silent_churners"),
            *((scorer, metric) for scorer in self.lines for metric in metrics),
        ]

    def metrics(self, times: Vector) -> list[float]:
        total = times @ self.sums
        (rows, churners, silent), rest = total[:3], total[3:]
        values = [churners / rows, silent / churners]
        for (scorer, (slope, intercept)), own in zip(self.lines.items(), np.split(rest, len(self.lines)), strict=True):
            log_loss, brier, g0, g1, h00, h01, h11 = own[:7]
            area = h00 * h11 - h01 * h01
            line = [slope + (h00 * g1 - h01 * g0) / area, intercept + (h11 * g0 - h01 * g1) / area]
            gaps = own[7:] / rows
            values += [log_loss / rows, brier / rows, np.abs(gaps).sum(), *line, np.abs(gaps - self.gaps[scorer]).sum()]
        return [float(value) for value in values]


def _probabilities(rows: Outcomes) -> dict[str, Vector]:
    return {"model": rows.churn_risk, "raw": rows.raw_risk}


def _columns(risk: Vector, label: Vector, slope: float, intercept: float) -> list[Vector]:
    """Losses, the first and second derivatives at the calibration line, and the gap in each tenth, row by row."""
    z, tenth = log_odds(risk), tenths(risk)
    said = sigmoid(slope * z + intercept)
    pull, spread = label - said, said * (1 - said)
    gaps = [np.where(tenth == number, risk - label, 0.0) for number in range(10)]
    return [*losses(risk, label), pull, pull * z, spread, spread * z, spread * z * z, *gaps]
