"""Metrics of scored rows under any weights, as resampling needs them; ties count by expectation.

Printed figures come from `sql/55_evaluation`; with all weights 1 these are equal to them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churn_duck.errors import ModelError

Vector = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
RANKING = ("pr_auc", "roc_auc")
PROBABILITY = ("log_loss", "brier")
METRICS = RANKING + PROBABILITY
LOWER_IS_BETTER = {"log_loss", "brier"}
TOP_SHARES = {"top_1%": 0.01, "top_5%": 0.05, "top_10%": 0.10}
# risks are kept this far off 0 and 1 where a logarithm is taken
EDGE = 1e-15

# from weights of the rows, float64[N], to metrics
Weighing = Callable[[Vector], list[float]]


def clipped(risk: Vector) -> Vector:
    """Returns risks of which a logarithm can be taken."""
    return np.clip(risk, EDGE, 1 - EDGE)


def log_odds(risk: Vector) -> Vector:
    """Returns ln(risk / (1 - risk)); risks are clipped first."""
    safe = clipped(risk)
    return np.log(safe / (1 - safe))


def sigmoid(log_odds: Vector) -> Vector:
    """Returns the probabilities of log-odds."""
    # the same as 1 / (1 + exp(-log_odds)), without an overflow
    return 0.5 * (1 + np.tanh(0.5 * log_odds))


@dataclass(frozen=True)
class Ranking:
    """Rows of one list by descending score, in groups of equal scores; `label` is in that order."""

    order: Codes
    group_starts: Codes
    label: Vector

    @staticmethod
    def of(score: Vector, label: Vector) -> Ranking:
        """Sorts the rows once, for any number of weightings."""
        order = np.argsort(-score, kind="stable")
        changes = np.flatnonzero(np.diff(score[order])) + 1
        return Ranking(order, np.concatenate([[0], changes]).astype(np.int64), label[order])

    def groups(self, weight: Vector) -> tuple[Vector, Vector]:
        """Returns the weight of the churners and of all rows in each group."""
        tied = weight[self.order]
        churners = tied * self.label
        if len(self.group_starts) == len(tied):
            return churners, tied
        return np.add.reduceat(churners, self.group_starts), np.add.reduceat(tied, self.group_starts)


def areas(churners: Vector, tied: Vector) -> list[float]:
    """PR-AUC (average precision, one threshold a distinct score) and ROC-AUC (ties counted half) of groups."""
    # only groups with churners add to either
    positive = np.flatnonzero(churners)
    group_churners, taken = churners[positive], np.cumsum(tied)
    hits = np.cumsum(group_churners)
    stayers = taken[-1] - hits[-1]
    outranked = stayers - (taken[positive] - hits) + (tied[positive] - group_churners) / 2
    pr_auc = group_churners @ (hits / taken[positive]) / hits[-1]
    return [float(pr_auc), float(group_churners @ outranked / (hits[-1] * stayers))]


def churners_in_first(length: float, churners: Vector, tied: Vector) -> float:
    """Returns the churners among the first `length` rows; of a group that the end cuts, the mean counts."""
    reached = np.clip(length - (np.cumsum(tied) - tied), 0, tied)
    return float(churners @ (reached / np.maximum(tied, 1e-12)))


def ranking_metrics(score: Vector, label: Vector) -> Weighing:
    """Returns the function from row weights to [pr_auc, roc_auc]."""
    ranking = Ranking.of(score, label)
    return lambda weight: areas(*ranking.groups(weight))


def losses(risk: Vector, label: Vector) -> tuple[Vector, Vector]:
    """Returns log-loss (natural log) and squared error, row by row."""
    safe = clipped(risk)
    return -(label * np.log(safe) + (1 - label) * np.log(1 - safe)), (risk - label) ** 2


def probability_metrics(risk: Vector, label: Vector) -> Weighing:
    """Returns the function from row weights to [log_loss, brier]."""
    log_loss, brier = losses(risk, label)
    return lambda weight: [float(weight @ log_loss / weight.sum()), float(weight @ brier / weight.sum())]


def metric_of(name: str, score: Vector, label: Vector) -> Weighing:
    """Returns the function from row weights to [the metric]."""
    if name in RANKING:
        weighing = ranking_metrics(score, label)
        return lambda weight: [weighing(weight)[RANKING.index(name)]]
    weighing = probability_metrics(score, label)
    return lambda weight: [weighing(weight)[PROBABILITY.index(name)]]


def ranking_and_top_metrics(score: Vector, label: Vector, day: Codes, capacity: int) -> Weighing:
    """Returns the function from row weights to PR-AUC, ROC-AUC, and precision and lift at each list length.

    The lengths are the first `capacity` of every day's list, then each of TOP_SHARES of all rows.
    """
    whole, lists = Ranking.of(score, label), _Lists.of(score, label, day)

    def weigh(weight: Vector) -> list[float]:
        churners, tied = whole.groups(weight)
        return [*areas(churners, tied), *lists.precision_and_lift(weight, capacity), *_tops(churners, tied)]

    return weigh


def _tops(churners: Vector, tied: Vector) -> list[float]:
    rows, taken = tied.sum(), np.cumsum(tied)
    rate, values = churners.sum() / rows, []
    for share in TOP_SHARES.values():
        length = max(1.0, np.floor(share * rows + 0.5))
        # groups below the end of the list do not matter
        last = int(np.searchsorted(taken, length)) + 1
        precision = churners_in_first(length, churners[:last], tied[:last]) / length
        values += [precision, precision / rate]
    return values


@dataclass(frozen=True)
class _Lists:
    """The rows of several days, one ranked list a day, one list after another."""

    ranking: Ranking
    list_starts: Codes
    list_of_group: Codes

    @staticmethod
    def of(score: Vector, label: Vector, day: Codes) -> _Lists:
        order = np.lexsort((-score, day))
        is_new = (np.diff(day[order]) != 0) | (np.diff(score[order]) != 0)
        starts = np.concatenate([[0], np.flatnonzero(is_new) + 1]).astype(np.int64)
        days = day[order][starts]
        firsts = np.concatenate([[0], np.flatnonzero(np.diff(days)) + 1]).astype(np.int64)
        return _Lists(Ranking(order, starts, label[order]), firsts, np.unique(days, return_inverse=True)[1])

    def precision_and_lift(self, weight: Vector, capacity: int) -> list[float]:
        """Returns both for the first `capacity` of every list; lift is relative to lists in random order."""
        churners, tied = self.ranking.groups(weight)
        rows, all_churners = np.add.reduceat(tied, self.list_starts), np.add.reduceat(churners, self.list_starts)
        length = np.minimum(capacity, rows)
        before = np.cumsum(tied) - tied
        reached = np.clip((length + before[self.list_starts])[self.list_of_group] - before, 0, tied)
        hits = churners @ (reached / np.maximum(tied, 1e-12))
        expected = float(length @ (all_churners / np.maximum(rows, 1e-12)))
        return [float(hits / length.sum()), float(hits / expected) if expected else np.nan]


def tenths(risk: Vector) -> Codes:
    """Returns the tenth of every row by risk, 0 to 9; equal risks stay together, by the middle of their ranks."""
    distinct, place, tied = np.unique(risk, return_inverse=True, return_counts=True)
    before = np.cumsum(tied) - tied
    middle = before + (tied - 1) / 2
    return np.floor(10 * middle / len(risk)).astype(np.int64)[place] if len(distinct) else place.astype(np.int64)


def calibration_error(risk: Vector, label: Vector) -> float:
    """Returns the ECE over tenths: the mean distance between predicted risk and churn rate."""
    tenth = tenths(risk)
    return float(np.abs(np.bincount(tenth, risk - label)).sum() / len(risk))


def calibration_line(risk: Vector, label: Vector, steps: int = 25) -> tuple[float, float]:
    """Returns slope and intercept of the logistic regression of the label on the log-odds, by Newton's method.

    Raises: ModelError when the risks are all equal or separate the classes perfectly.
    """
    z, rate = log_odds(risk), float(label.mean())
    slope, intercept = 0.0, float(np.log(rate / (1 - rate)))
    for _ in range(steps):
        fitted = sigmoid(slope * z + intercept)
        residual, variance = label - fitted, fitted * (1 - fitted)
        gradient = np.array([residual.sum(), residual @ z])
        hessian = np.array([variance.sum(), variance @ z, (variance * z) @ z])
        if not _determinant(hessian) > 0:
            raise ModelError(
                "the risks are all equal or separate churners perfectly; no calibration line can be fitted"
            )
        slope_step, intercept_step = newton_step(gradient, hessian)
        # a whole step from far away can overshoot to where every fitted risk is 0 or 1
        share = min(1.0, 1 / max(abs(2 * slope_step), abs(intercept_step), 1e-12))
        slope, intercept = slope + share * slope_step, intercept + share * intercept_step
    return slope, intercept


def newton_step(gradient: Vector, hessian: Vector) -> tuple[float, float]:
    """Returns the steps of slope and intercept.

    `gradient` is of the log-likelihood by (intercept, slope), `hessian` its negative second derivatives by (intercept
    twice, both, slope twice).
    """
    (g0, g1), (h00, h01, h11), determinant = gradient, hessian, _determinant(hessian)
    return float((h00 * g1 - h01 * g0) / determinant), float((h11 * g0 - h01 * g1) / determinant)


def _determinant(hessian: Vector) -> float:
    h00, h01, h11 = hessian
    return float(h00 * h11 - h01 * h01)


def require_two_classes(label: Vector, rows: str) -> None:
    """Raises ModelError when a ranking metric would be NaN."""
    churners = float(label.sum())
    if not 0 < churners < len(label):
        raise ModelError(
            f"{rows}: {churners:.0f} of {len(label)} rows are churners, so no metric can be computed; "
            "move --as-of, lengthen the history or change churn.window_days"
        )
