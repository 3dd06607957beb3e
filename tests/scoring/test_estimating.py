"""Intervals that hold what comes true as often as they say, and sentences when they cannot."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from churn_duck.evaluation.bootstrap import Users
from churn_duck.evaluation.intervals import Outcomes
from churn_duck.evaluation.metrics import Vector, calibration_line, log_odds, sigmoid
from churn_duck.monitoring.performance_notes import doubts
from churn_duck.scoring.expected_performance import (
    PERFECT_LINE,
    date_spread,
    drawn,
    estimates,
    evidence,
    line_covariance,
    realised,
)
from churn_duck.settings.config import Settings


def dates(random: np.random.Generator, n: int, users: int, spread: float = 0.0, bias: float = 0.0) -> Outcomes:
    """Test rows of `n` dates a churn window apart, whose log-odds are off by `bias`, and by `spread` date by date."""
    day, user = np.repeat(np.arange(n) * 30, users), np.tile(np.arange(users), n)
    risk = sigmoid(random.normal(-2, 1.2, n * users))
    truth = sigmoid(log_odds(risk) + bias + np.repeat(random.normal(0, 1, n) * spread, users))
    label = (random.random(n * users) < truth).astype(float)
    return Outcomes(user, day, risk, label, risk, risk)


def coverage(worlds: int, users: int, spread: float = 0.0) -> Vector:
    """Share of worlds whose next date is covered, of churn rate and PR-AUC."""
    held = []
    for seed in range(worlds):
        random = np.random.default_rng(seed)
        found = evidence(dates(random, 4, users, spread), 30, seed)
        later = dates(random, 1, users, spread)
        made = estimates(later.churn_risk, found, seed)
        truth = realised(later.churn_risk, later.label)
        held.append([one.low <= value <= one.high for one, value in zip(made, truth, strict=True)])
    return np.mean(held, axis=0)


def test_estimates_cover_what_comes_true_in_a_calibrated_world() -> None:
    assert (coverage(60, 150) >= 0.9).all()


@pytest.mark.slow
@pytest.mark.parametrize(("spread", "low"), [(0.0, 0.93), (0.3, 0.88)])
def test_estimates_cover_about_as_often_as_they_promise(spread: float, low: float) -> None:
    found = coverage(400, 400, spread)
    assert (found >= low).all()
    assert (found <= 0.995).all()


def test_dates_that_were_off_make_the_interval_wider_and_a_biased_model_more_so() -> None:
    random = np.random.default_rng(3)
    risk = dates(random, 1, 400).churn_risk
    none, some, biased = (
        estimates(risk, evidence(dates(random, 24, 200, *off), 30, 0), 0)
        for off in ((0.0, 0.0), (0.8, 0.0), (0.0, 1.0))
    )
    for first, second, third in zip(none, some, biased, strict=True):
        assert second.high - second.low > 1.2 * (first.high - first.low)
        assert third.high - third.low > 1.2 * (first.high - first.low)
    assert date_spread(dates(random, 4, 2000, 0.0, 1.0), 0)[0] == pytest.approx(0.8, abs=0.2)


def test_test_dates_that_overlap_count_as_one_window() -> None:
    rows = dates(np.random.default_rng(1), 4, 100)
    assert (
        evidence(rows, 30, 0).windows,
        evidence(rows, 91, 0).windows,
        evidence(rows, 91, 0).dates,
    ) == (4, 1, 4)


def test_metrics_of_drawn_labels_are_those_of_scikit_learn_with_ties() -> None:
    random = np.random.default_rng(0)
    risk = random.integers(1, 9, 300) / 10
    label = (random.random(300) < risk).astype(float)
    assert realised(risk, label) == pytest.approx([label.mean(), average_precision_score(label, risk)])
    values = drawn(risk, np.tile(PERFECT_LINE, (400, 1)), random)
    labels = random.random((400, 300)) < risk
    direct = [average_precision_score(one, risk) for one in labels]
    assert values[:, 0].mean() == pytest.approx(risk.mean(), abs=0.01)
    assert values[:, 1].mean() == pytest.approx(np.mean(direct), abs=0.01)
    assert values[:, 1].std() == pytest.approx(np.std(direct), rel=0.2)
    assert np.isnan(realised(risk, np.zeros(300))[1])


def test_the_calibration_line_is_as_sure_as_a_resample_of_users_finds_it() -> None:
    rows = dates(np.random.default_rng(5), 4, 300)
    users, random = Users.of(rows.user, rows.label), np.random.default_rng(6)
    lines = []
    for _ in range(200):
        rowed = np.repeat(np.arange(len(rows.label)), users.drawn(random)[users.code].astype(int))
        slope, intercept = calibration_line(rows.churn_risk[rowed], rows.label[rowed])
        lines.append((intercept, slope))
    assert np.sqrt(np.diag(line_covariance(rows))) == pytest.approx(np.std(lines, axis=0), rel=0.25)


def test_no_churner_in_any_draw_means_no_estimate_of_the_pr_auc() -> None:
    found = evidence(dates(np.random.default_rng(1), 4, 200), 30, 0)
    assert [one.metric for one in estimates(np.full(5, 1e-12), found, 0)] == ["churn_rate"]


def test_doubts_are_told_in_sentences() -> None:
    ground = {
        "as_of_date": "2025-01-10", "model_version": "m", "mean_risk": 0.3, "lowest_mean_risk": 0.1,
        "highest_mean_risk": 0.2, "test_dates": 8, "test_windows": 2, "test_ece": 0.15, "is_calibrated": False,
        "model_age_days": 91,
    }  # fmt: skip
    narrow = {"as_of_date": "2025-01-10", "low": 0.1, "high": 0.3, "is_covered": True}
    sure = narrow | {"metric": "churn_rate"}, narrow | {"metric": "pr_auc"}
    found = doubts(sure * 6, [ground], Settings())
    about = "estimate of 2025-01-10: "
    assert found == [
        about + "the test dates of m span only 2 churn windows: too few to know how much dates differ",
        about + "the ECE of m was 0.150 on its test rows: its risks cannot be read as probabilities",
        about + "m is not calibrated",
        about + "the mean risk of 30.0% is outside the range of the test dates of m (10.0% to 20.0%)",
        about + "m is 91 days old, more than 3 churn windows",
    ]
    wide = [narrow | {"metric": "pr_auc", "high": 0.9}]
    sentences = doubts([*sure * 6, *wide], [ground], Settings())
    assert about + "the interval of the PR-AUC (0.10 to 0.90) is too wide to be useful" in sentences
    good = ground | {"mean_risk": 0.15, "test_windows": 4, "test_ece": 0.02, "is_calibrated": True}
    assert doubts(sure * 6, [good | {"model_age_days": 90}], Settings()) == []
