"""Metrics on scored rows, ties by expectation, intervals by resampling users."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from churn_duck.errors import ModelError

Vector = npt.NDArray[np.float64]
REPLICATES = 500
LOWER_IS_BETTER = {"log_loss", "brier"}
RANKING = ("pr_auc", "roc_auc")
PROBABILITY = ("log_loss", "brier")
METRICS = RANKING + PROBABILITY
TOP_SHARES = (0.01, 0.05, 0.10)


@dataclass(frozen=True)
class Ranking:
    """Rows sorted by falling score, cut into groups of equal scores; `label` is in that order."""

    order: npt.NDArray[np.int64]
    group_ends: npt.NDArray[np.int64]
    label: Vector

    @staticmethod
    def of(score: Vector, label: Vector) -> Ranking:
        """Sort once, weigh often."""
        order = np.argsort(-score, kind="stable")
        falls = np.flatnonzero(np.diff(score[order]))
        return Ranking(order, np.append(falls, len(score) - 1), label[order])

    def hits_and_taken(self, weight: Vector) -> tuple[Vector, Vector]:
        """Weight of the churners, and of everybody, from the highest score to the end of each group."""
        sorted_weight = weight[self.order]
        hits: Vector = np.cumsum(sorted_weight * self.label)[self.group_ends]
        taken: Vector = np.cumsum(sorted_weight)[self.group_ends]
        return hits, taken

    def metrics(self, weight: Vector) -> list[float]:
        """PR-AUC (average precision, one threshold a distinct score) and ROC-AUC (ties counted half)."""
        hits, taken = self.hits_and_taken(weight)
        found = np.diff(hits, prepend=0.0)
        # leading groups that a resample left out hold nobody: 0 / 0 is no precision, and nothing was found there
        precision = hits / np.maximum(taken, 1e-12)
        passed = np.diff(taken, prepend=0.0) - found
        outranked = np.sum(passed * (hits - found / 2))
        return [float(found @ precision / hits[-1]), float(outranked / (hits[-1] * (taken[-1] - hits[-1])))]


def losses(risk: Vector, label: Vector) -> tuple[Vector, Vector]:
    """Log-loss (natural log, probabilities kept 1e-15 off 0 and 1) and squared error, row by row."""
    kept = np.clip(risk, 1e-15, 1 - 1e-15)
    return -(label * np.log(kept) + (1 - label) * np.log(1 - kept)), (risk - label) ** 2


Weighing = Callable[[Vector], list[float]]


def ranking_metrics(score: Vector, label: Vector) -> Weighing:
    """Row weights to [pr_auc, roc_auc]."""
    return Ranking.of(score, label).metrics


def probability_metrics(risk: Vector, label: Vector) -> Weighing:
    """Row weights to [log_loss, brier]."""
    log_loss, brier = losses(risk, label)
    return lambda weight: [float(weight @ log_loss / weight.sum()), float(weight @ brier / weight.sum())]


def metric_of(name: str, score: Vector, label: Vector) -> Weighing:
    """Row weights to [the metric]."""
    if name in RANKING:
        weighing = ranking_metrics(score, label)
        return lambda weight: [weighing(weight)[RANKING.index(name)]]
    weighing = probability_metrics(score, label)
    return lambda weight: [weighing(weight)[PROBABILITY.index(name)]]


def precision_at(score: Vector, label: Vector, k: int) -> float:
    """Share of churners among the first k; a group of equal scores that k cuts counts by its mean."""
    k = min(k, len(score))
    ranking = Ranking.of(score, label)
    ends = ranking.group_ends + 1
    group = int(np.searchsorted(ends, k))
    hits, _ = ranking.hits_and_taken(np.ones(len(label)))
    before, hits_before = (int(ends[group - 1]), hits[group - 1]) if group else (0, 0.0)
    share = (hits[group] - hits_before) / (ends[group] - before)
    return float((hits_before + (k - before) * share) / k)


def resampled(
    weighings: list[Weighing], label: Vector, user: npt.NDArray[np.int64], seed: int, replicates: int = REPLICATES
) -> Vector:
    """Every metric on the same resamples of users, float64[replicates, metrics].

    A resample that happens to hold one class only is drawn again.
    """
    random = np.random.default_rng(seed)
    users, codes = np.unique(user, return_inverse=True)
    rows: list[list[float]] = []
    while len(rows) < replicates:
        drawn = np.bincount(random.integers(0, len(users), len(users)), minlength=len(users))
        weight = drawn.astype(np.float64)[codes]
        if 0 < weight @ label < weight.sum():
            rows.append([value for weighing in weighings for value in weighing(weight)])
    return np.array(rows)


def interval(values: Vector) -> list[float]:
    """Middle 95 % of resampled values."""
    low, high = np.percentile(values, [2.5, 97.5])
    return [float(low), float(high)]


def require_two_classes(label: Vector, rows: str) -> None:
    """Raises ModelError when a ranking metric would be NaN."""
    churners = float(label.sum())
    if not 0 < churners < len(label):
        raise ModelError(
            f"{rows}: {churners:.0f} of {len(label)} rows are churners, so no metric can be computed; "
            "move --as-of, lengthen the history or change churn.window_days"
        )


def evaluation(
    risk: Vector, label: Vector, recency: Vector, user: npt.NDArray[np.int64], seed: int, top_k: int
) -> dict[str, Any]:
    """Every metric of `risk` on these rows with 95 % intervals, the base rate and the recency rule beside it."""
    weighings = [ranking_metrics(risk, label), probability_metrics(risk, label), ranking_metrics(recency, label)]
    everyone = np.ones(len(label))
    values = [value for weighing in weighings for value in weighing(everyone)]
    draws = resampled(weighings, label, user, seed)
    base_rate = float(label.mean())
    gains = {name: interval(draws[:, i] - draws[:, i + 4]) for i, name in enumerate(RANKING)}
    return {
        "rows": len(label),
        "users": len(np.unique(user)),
        "churn_rate": base_rate,
        **dict(zip(METRICS, values, strict=False)),
        "intervals": {name: interval(draws[:, i]) for i, name in enumerate(METRICS)},
        "base_rate": dict(
            zip(PROBABILITY, probability_metrics(np.full(len(label), base_rate), label)(everyone), strict=True)
        ),
        "recency_rule": {
            name: {"value": values[i + 4], "interval": interval(draws[:, i + 4])} for i, name in enumerate(RANKING)
        },
        "gain_over_recency_rule": gains,
        "beats_recency_rule": all(low > 0 for low, _ in gains.values()),
        "top": _top(risk, label, top_k),
        "calibration": _calibration(risk, label),
    }


def _top(risk: Vector, label: Vector, top_k: int) -> dict[str, dict[str, float]]:
    sizes = {f"{share:.0%}": max(1, round(share * len(label))) for share in TOP_SHARES}
    rows = {}
    for name, k in {f"top_{top_k}": top_k, **sizes}.items():
        precision = precision_at(risk, label, k)
        rows[name] = {"rows": min(k, len(label)), "precision": precision, "lift": precision / float(label.mean())}
    return rows


def _calibration(risk: Vector, label: Vector) -> dict[str, Any]:
    """Reliability by tenths of the rows, expected calibration error, and the logistic slope and intercept."""
    kept = np.clip(risk, 1e-15, 1 - 1e-15)
    log_odds = np.log(kept / (1 - kept))
    line = LogisticRegression(C=np.inf, max_iter=1000).fit(log_odds.reshape(-1, 1), label)
    tenths = [part for part in np.array_split(np.argsort(risk, kind="stable"), 10) if len(part)]
    table = [
        {"rows": len(part), "mean_risk": float(risk[part].mean()), "churn_rate": float(label[part].mean())}
        for part in tenths
    ]
    gap = sum(row["rows"] * abs(row["mean_risk"] - row["churn_rate"]) for row in table) / len(risk)
    return {"slope": float(line.coef_[0, 0]), "intercept": float(line.intercept_[0]), "ece": gap, "reliability": table}


def at_half(risk: Vector, label: Vector) -> dict[str, Any]:
    """Confusion matrix and per-class report at a threshold of 0.5, and 50 points of the precision-recall curve."""
    said = risk >= 0.5
    matrix = [[int(np.sum((label == true) & (said == guess))) for guess in (0, 1)] for true in (0, 1)]
    ranking = Ranking.of(risk, label)
    hits, taken = ranking.hits_and_taken(np.ones(len(label)))
    picked = np.unique(np.linspace(0, len(taken) - 1, 50).astype(int))
    return {
        "confusion_matrix": matrix,
        "classification_report": {str(value): _report(matrix, value) for value in (0, 1)},
        "pr_curve": [
            {
                "threshold": float(risk[ranking.order[ranking.group_ends[i]]]),
                "precision": float(hits[i] / taken[i]),
                "recall": float(hits[i] / hits[-1]),
            }
            for i in picked
        ],
    }


def _report(matrix: list[list[int]], value: int) -> dict[str, float | None]:
    right, said, true = matrix[value][value], matrix[0][value] + matrix[1][value], sum(matrix[value])
    precision, recall = (right / said if said else None), (right / true if true else None)
    both = said + true
    return {"precision": precision, "recall": recall, "f1": 2 * right / both if both else None, "support": true}
