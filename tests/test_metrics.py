"""Metrics against scikit-learn's, ties by expectation, intervals by user."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from churn_duck.errors import ModelError
from churn_duck.evaluate import (
    at_half,
    evaluation,
    interval,
    metric_of,
    precision_at,
    probability_metrics,
    ranking_metrics,
    require_two_classes,
    resampled,
)

cases = st.lists(st.tuples(st.integers(0, 8), st.booleans(), st.integers(0, 3)), min_size=4, max_size=60).filter(
    lambda rows: 0 < sum(w for _, y, w in rows if y) < sum(w for *_, w in rows)
)


@settings(max_examples=200, deadline=None)
@given(cases)
def test_weighted_metrics_equal_scikit_learns_with_ties_and_weights(rows: list[tuple[int, bool, int]]) -> None:
    score, label, weight = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    expected = [
        average_precision_score(label, score, sample_weight=weight),
        roc_auc_score(label, score, sample_weight=weight),
    ]
    assert ranking_metrics(score, label)(weight) == pytest.approx(expected, abs=1e-9)
    risk = (score + 1) / 10
    expected = [log_loss(label, risk, sample_weight=weight), brier_score_loss(label, risk, sample_weight=weight)]
    assert probability_metrics(risk, label)(weight) == pytest.approx(expected, abs=1e-9)
    assert metric_of("brier", risk, label)(weight) == pytest.approx(expected[1:])


def test_a_constant_score_has_lift_exactly_one_and_an_auc_of_one_half() -> None:
    label = np.array([1.0, 0, 0, 1, 0, 0, 0])
    for k in range(1, 8):
        assert precision_at(np.zeros(7), label, k) / label.mean() == 1
    assert ranking_metrics(np.zeros(7), label)(np.ones(7)) == [pytest.approx(2 / 7), 0.5]


def test_precision_at_k_counts_a_cut_tie_by_its_mean() -> None:
    score, label = np.array([3.0, 2, 2, 2, 1]), np.array([1.0, 1, 0, 0, 1])
    assert precision_at(score, label, 1) == 1
    assert precision_at(score, label, 2) == pytest.approx((1 + 1 / 3) / 2)
    assert precision_at(score, label, 99) == pytest.approx(3 / 5)


def test_resampling_by_user_is_wider_than_by_row_when_rows_of_a_user_agree() -> None:
    random = np.random.default_rng(1)
    user = np.repeat(np.arange(60), 20)
    label = np.repeat(random.integers(0, 2, 60), 20).astype(float)
    score = label + np.repeat(random.normal(0, 1, 60), 20)
    by_user = interval(resampled([metric_of("roc_auc", score, label)], label, user, 1)[:, 0])
    by_row = interval(resampled([metric_of("roc_auc", score, label)], label, np.arange(1200), 1)[:, 0])
    assert by_user[1] - by_user[0] > 2 * (by_row[1] - by_row[0])


def test_an_evaluation_says_when_the_recency_rule_is_as_good() -> None:
    random = np.random.default_rng(2)
    recency = random.integers(0, 30, 2000).astype(float)
    label = (random.random(2000) < recency / 40).astype(float)
    better = np.clip(recency / 40 + 0.5 * (label - 0.5), 0.01, 0.99)
    users = np.arange(2000)
    assert evaluation(better, label, recency, users, 1, 50)["beats_recency_rule"] is True
    same = evaluation(recency / 40, label, recency, users, 1, 50)
    assert same["beats_recency_rule"] is False
    assert same["gain_over_recency_rule"]["roc_auc"] == [0, 0]
    assert same["calibration"]["slope"] == pytest.approx(1, abs=0.15)
    assert same["calibration"]["ece"] < 0.03
    assert same["intervals"]["roc_auc"][0] < same["roc_auc"] < same["intervals"]["roc_auc"][1]
    assert same["top"]["top_50"]["lift"] == pytest.approx(same["top"]["top_50"]["precision"] / label.mean())


def test_one_class_only_is_an_error_and_never_nan() -> None:
    for label in (np.zeros(5), np.ones(5), np.array([])):
        with pytest.raises(ModelError, match="no metric can be computed"):
            require_two_classes(label, "test rows")


def test_the_report_at_one_half_counts_every_row_once() -> None:
    found = at_half(np.array([0.2, 0.5, 0.7, 0.4]), np.array([0.0, 1, 0, 1]))
    assert found["confusion_matrix"] == [[1, 1], [1, 1]]
    assert found["classification_report"]["1"] == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2}
    assert found["pr_curve"][-1]["recall"] == 1
