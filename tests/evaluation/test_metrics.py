"""Metrics against scikit-learn's and against the SQL that prints them; ties by expectation, intervals by user."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from churn_duck.errors import ModelError
from churn_duck.evaluation.bootstrap import Users, interval, resampled
from churn_duck.evaluation.evaluate import Outcomes, described, evaluate, intervals, outcomes
from churn_duck.evaluation.metrics import (
    Codes,
    Vector,
    calibration_error,
    calibration_line,
    losses,
    metric_of,
    probability_metrics,
    ranking_and_top_metrics,
    ranking_metrics,
    require_two_classes,
    sigmoid,
)
from churn_duck.jobs.run import Ran
from churn_duck.warehouse.store import Warehouse, connected

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


@settings(max_examples=100, deadline=None)
@given(cases)
def test_a_row_of_weight_two_is_two_rows(rows: list[tuple[int, bool, int]]) -> None:
    score, label, weight = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    times, day = weight.astype(int), np.arange(len(rows)) % 3
    written_out = [np.repeat(column, times) for column in (score, label, day)]
    metrics = ranking_and_top_metrics(score, label, day, 2)(weight)
    assert metrics == pytest.approx(ranking_and_top_metrics(*written_out, 2)(np.ones(times.sum())), nan_ok=True)


def first_of(score: Vector, label: Vector, capacity: int, day: Codes | None = None) -> list[float]:
    """Precision and lift at a capacity."""
    days = np.zeros(len(label), np.int64) if day is None else day
    return ranking_and_top_metrics(score, label, days, capacity)(np.ones(len(label)))[2:4]


def test_a_constant_score_has_lift_exactly_one_and_an_auc_of_one_half() -> None:
    label = np.array([1.0, 0, 0, 1, 0, 0, 0])
    for k in range(1, 9):
        assert first_of(np.zeros(7), label, k) == pytest.approx([2 / 7, 1], abs=1e-12)
    assert ranking_metrics(np.zeros(7), label)(np.ones(7)) == [pytest.approx(2 / 7), 0.5]


def test_precision_at_a_capacity_counts_a_cut_tie_by_its_mean_and_every_day_by_itself() -> None:
    score, label = np.array([3.0, 2, 2, 2, 1]), np.array([1.0, 1, 0, 0, 1])
    assert first_of(score, label, 1)[0] == 1
    assert first_of(score, label, 2)[0] == pytest.approx((1 + 1 / 3) / 2)
    assert first_of(score, label, 99) == [pytest.approx(3 / 5), 1]
    day = np.array([0, 0, 1, 1, 1])
    assert first_of(score, label, 1, day)[0] == pytest.approx((1 + 0) / 2)
    assert first_of(score, label, 1, day)[1] == pytest.approx(1 / (1 + 1 / 3))


def test_the_calibration_line_is_the_logistic_regressions_and_the_ece_that_of_its_tenths() -> None:
    random = np.random.default_rng(4)
    truth = random.normal(-1, 1, 5000)
    label = (random.random(5000) < sigmoid(truth)).astype(float)
    risk = sigmoid(2 * truth + 0.5)
    log_odds = (2 * truth + 0.5).reshape(-1, 1)
    library = LogisticRegression(C=np.inf, max_iter=1000, tol=1e-9).fit(log_odds, label)
    expected = (library.coef_[0, 0], library.intercept_[0])
    assert calibration_line(risk, label) == pytest.approx(expected, abs=1e-5)
    assert calibration_line(risk, label)[0] == pytest.approx(0.5, abs=0.05)
    parts = np.array_split(np.argsort(risk), 10)
    gaps = sum(len(part) * abs(risk[part].mean() - label[part].mean()) for part in parts) / 5000
    assert calibration_error(risk, label) == pytest.approx(gaps)
    assert calibration_error(np.full(5000, label.mean()), label) == pytest.approx(0, abs=1e-12)


def test_resampling_by_user_is_wider_than_by_row_when_rows_of_a_user_agree() -> None:
    random = np.random.default_rng(1)
    user = np.repeat(np.arange(60), 20)
    label = np.repeat(random.integers(0, 2, 60), 20).astype(float)
    score = label + np.repeat(random.normal(0, 1, 60), 20)
    metric = [metric_of("roc_auc", score, label)]
    by_user, by_row = (
        interval(resampled(metric, users, 1)[:, 0], users)
        for users in (Users.of(user, label), Users.of(np.arange(1200), label))
    )
    assert by_user[1] - by_user[0] > 2 * (by_row[1] - by_row[0])


def test_resamples_do_not_depend_on_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    label = np.arange(300) % 3 == 0
    users, metric = Users.of(np.arange(300) // 2, label.astype(float)), [metric_of("roc_auc", np.arange(300.0), label)]
    before = resampled(metric, users, 7, 50)
    monkeypatch.setattr("churn_duck.evaluation.bootstrap.ROWS_FOR_THREADS", 0)
    assert np.array_equal(resampled(metric, users, 7, 50), before)
    assert not np.array_equal(resampled(metric, users, 8, 50), before)


def sample(recency: Vector, label: Vector, risk: Vector) -> Outcomes:
    n = len(label)
    return Outcomes(np.arange(n) // 2, np.arange(n) % 4, recency, label, risk, risk)


def test_the_gain_over_the_recency_rule_is_zero_for_the_rule_and_surely_positive_for_better() -> None:
    random = np.random.default_rng(2)
    recency = random.integers(0, 30, 2000).astype(float)
    label = (random.random(2000) < recency / 40).astype(float)
    same = intervals(sample(recency, label, np.clip(recency / 40, 0.001, 1)), 50, 1, 200)
    better = intervals(sample(recency, label, np.clip(recency / 40 + 0.5 * (label - 0.5), 0.01, 0.99)), 50, 1, 200)
    assert same["model", "roc_auc_gain"] == pytest.approx([0, 0], abs=1e-12)
    assert better["model", "roc_auc_gain"][0] > 0
    assert same["model", "slope"][0] < 1 < same["model", "slope"][1]


def test_one_step_of_newton_moves_the_line_as_a_whole_fit_would() -> None:
    random = np.random.default_rng(5)
    truth = random.normal(-1, 1, 3000)
    label = (random.random(3000) < sigmoid(truth)).astype(float)
    rows = sample(random.random(3000), label, sigmoid(1.5 * truth))
    users = Users.of(rows.user, label)
    slopes = []
    for number in range(100):
        times = users.drawn(np.random.default_rng([1, number]))[users.code].astype(int)
        slopes.append(calibration_line(np.repeat(rows.churn_risk, times), np.repeat(label, times))[0])
    assert intervals(rows, 50, 1, 100)["model", "slope"] == pytest.approx(interval(np.array(slopes), users), abs=5e-3)


@pytest.mark.parametrize("population", ["eligible", "all"])
def test_the_sql_that_prints_and_the_python_that_resamples_agree(
    ran: tuple[Warehouse, Ran], looking: duckdb.DuckDBPyConnection, population: str
) -> None:
    for version in ran[1].trained:
        rows, own = outcomes(looking, version.model_version, population), version.metrics[population]
        ones, log_loss_and_brier = np.ones(len(rows.label)), [f.mean() for f in losses(rows.churn_risk, rows.label)]
        for figures, score in ((own, rows.churn_risk), (own["recency_rule"], rows.recency)):
            names = ["pr_auc", "roc_auc", *(f"{k}_{t}" for t in TOPS for k in ("precision", "lift"))]
            expected = ranking_and_top_metrics(score, rows.label, rows.day, 50)(ones)
            assert [figures[name] for name in names] == pytest.approx(expected, abs=1e-12)
        assert [own["log_loss"], own["brier"]] == pytest.approx(log_loss_and_brier, abs=1e-12)
        assert own["ece"] == pytest.approx(calibration_error(rows.churn_risk, rows.label), abs=1e-12)
        line = calibration_line(rows.churn_risk, rows.label)
        assert (own["slope"], own["intercept"]) == pytest.approx(line, abs=1e-6)
        assert own["silent_churners"] == pytest.approx((rows.recency[rows.label == 1] >= 14).mean())
        assert own["base_rate"]["pr_auc"] == pytest.approx(own["churn_rate"])
        assert own["base_rate"]["lift_capacity"] == pytest.approx(1, abs=1e-12)


TOPS = ("capacity", "top_1%", "top_5%", "top_10%")


def test_every_figure_lies_in_its_interval_and_equals_that_of_the_view(
    ran: tuple[Warehouse, Ran], looking: duckdb.DuckDBPyConnection
) -> None:
    version = ran[1].trained[0].model_version
    rows = looking.execute("from evaluation(?, 50) where population = 'eligible'", [version]).fetchall()
    own = ran[1].trained[0].metrics["eligible"]
    for _, scorer, metric, value, low, high in rows:
        if scorer == "model":
            assert own[metric] == pytest.approx(value, abs=1e-11)
            # resamples repeat users, which moves an ECE up
            assert low <= value <= high or metric == "ece"
    assert sum(row["rows"] for row in own["reliability"]["model"]) == own["rows"]


def test_another_capacity_gets_its_own_intervals_and_the_first_keeps_theirs(own: Warehouse) -> None:
    with connected(own) as con:
        version = con.execute("select any_value(model_version) from test_scores").fetchall()[0][0]
        before = described(con, version, 50, "eligible")
        other = evaluate(con, version, 7, 1, 50)["eligible"]
        assert other["intervals"]["lift_capacity"] != before["intervals"]["lift_capacity"]
        assert other["pr_auc"] == before["pr_auc"]
        assert described(con, version, 50, "eligible")["intervals"] == before["intervals"]
        kept = con.execute("select distinct top_k, replicates from test_intervals where model_version = ?", [version])
        assert sorted(kept.fetchall()) == [(7, 50), (50, 1000)]
        with pytest.raises(ModelError, match="no test rows of nobody"):
            evaluate(con, "nobody", 7, 1, 50)


def test_one_class_only_is_an_error_not_nan() -> None:
    for label in (np.zeros(5), np.ones(5), np.array([])):
        with pytest.raises(ModelError, match="no metric can be computed"):
            require_two_classes(label, "test rows")


def test_the_report_at_one_half_counts_every_row_once(ran: tuple[Warehouse, Ran]) -> None:
    for version in ran[1].trained:
        matrix, report = version.metrics["confusion_matrix"], version.metrics["classification_report"]
        assert sum(map(sum, matrix)) == version.metrics["eligible"]["rows"]
        assert report["1"]["support"] == sum(matrix[1])
        assert report["1"]["precision"] == pytest.approx(matrix[1][1] / (matrix[0][1] + matrix[1][1]))
        assert version.metrics["pr_curve"][-1]["recall"] == 1
