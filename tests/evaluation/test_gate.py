"""What the promotion refuses to compare, and the confidence that several challengers need."""

from __future__ import annotations

import math
from dataclasses import replace

import duckdb
import numpy as np
import pytest

from churn_duck.errors import ModelError
from churn_duck.evaluation import promote as promoting
from churn_duck.evaluation.metrics import sigmoid
from churn_duck.evaluation.promote import Contest, decide
from churn_duck.jobs.run import Ran
from churn_duck.model.dataset import learn_schema, read_rows
from churn_duck.model.registry import production, versions
from churn_duck.settings.config import Promotion
from churn_duck.settings.load import parse_settings
from churn_duck.training import train as training
from churn_duck.warehouse.store import Warehouse, working
from tests.worlds import copied

DEFAULT = parse_settings({}, "test")


@pytest.fixture(scope="module")
def undecided(tmp_path_factory: pytest.TempPathFactory, ran: tuple[Warehouse, Ran]) -> Warehouse:
    """A copy of the shared warehouse for tests in which nothing is promoted."""
    return copied(ran[0], tmp_path_factory.mktemp("gate") / "undecided")


def refused(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, match: str, **metrics: object) -> None:
    """Asserts that the promotion fails with this message where versions have such metrics; production is unchanged."""
    with working(warehouse, "test") as con:
        before = production(con, warehouse)
        known = [replace(version, metrics=version.metrics | metrics) for version in versions(con, warehouse)]
        monkeypatch.setattr(promoting, "versions", lambda *asked: known)
        with pytest.raises(ModelError, match=match):
            promoting.promote(con, warehouse)
        assert production(con, warehouse) == before


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_metric_that_is_nan_or_infinite_is_refused(
    undecided: Warehouse, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    refused(undecided, monkeypatch, "no pr_auc in its metrics; nothing is promoted", eligible={"pr_auc": value})


@pytest.mark.parametrize("eligible", [{"pr_auc": None}, {"roc_auc": 0.9}, {}])
def test_a_missing_metric_is_refused(
    undecided: Warehouse, monkeypatch: pytest.MonkeyPatch, eligible: dict[str, float | None]
) -> None:
    refused(undecided, monkeypatch, "no pr_auc in its metrics; nothing is promoted", eligible=eligible)


@pytest.mark.parametrize("digest", ["1000-42", "", None])
def test_another_test_set_is_refused(undecided: Warehouse, monkeypatch: pytest.MonkeyPatch, digest: str | None) -> None:
    refused(undecided, monkeypatch, "measured on a different test set", test_digest=digest)


def test_a_label_that_changed_makes_another_test_set(
    looking: duckdb.DuckDBPyConnection, ran: tuple[Warehouse, Ran]
) -> None:
    rows = read_rows(looking, learn_schema(looking, DEFAULT), "training_dataset", "split = 'test'")
    label = rows.label.copy()
    label[0] = 1 - label[0]
    digests = {ran[1].trained[0].metrics["test_digest"], training.test_digest(looking, rows)}
    assert len(digests) == 1
    assert training.test_digest(looking, replace(rows, label=label)) not in digests
    assert training.test_digest(looking, rows.where(np.arange(len(rows)) > 0)) not in digests


@pytest.mark.parametrize("parity", [{}, {"evaluated": 0.0}, {"evaluated": 0.0, "shipped": 1e-3}])
def test_a_version_without_proof_of_its_files_is_refused(
    undecided: Warehouse, monkeypatch: pytest.MonkeyPatch, parity: dict[str, float]
) -> None:
    refused(undecided, monkeypatch, "no proof that its exported files are exact", parity=parity)


def test_scores_that_are_nan_are_refused() -> None:
    contest = contest_of(gains=[0.5])
    broken = {name: np.where(np.arange(len(risk)) == 3, np.nan, risk) for name, risk in contest.scores.items()}
    for metric in ("log_loss", "brier"):
        with pytest.raises(ModelError, match="is NaN; nothing is promoted"):
            decide(Contest(broken, contest.label, contest.user, metric), ["new 0"], "old", DEFAULT)


def contest_of(gains: list[float]) -> Contest:
    """An incumbent whose score has a tenth of the truth, and a challenger for each gain with so much more of it."""
    random = np.random.default_rng(5)
    truth = random.normal(size=1200)
    label = (random.random(1200) < sigmoid(truth - 1)).astype(float)
    shares = {"old": 0.1, **{f"new {i}": 0.1 + gain for i, gain in enumerate(gains)}}
    return Contest(
        {name: sigmoid(share * truth - 1) + 1e-9 * random.random(1200) for name, share in shares.items()},
        label,
        np.arange(1200) // 3,
        "log_loss",
    )


def test_the_best_of_two_is_allowed_half_the_error_of_one() -> None:
    one = decide(contest_of([0.5]), ["new 0"], "old", DEFAULT)
    two = decide(contest_of([0.5, 0.4]), ["new 0", "new 1"], "old", DEFAULT)
    assert one.evidence is not None
    assert two.evidence is not None
    assert one.evidence.confidence == pytest.approx(0.95)
    assert two.evidence.confidence == pytest.approx(0.975)
    assert "97.5% are required of the best of 2" in two.reason
    assert one.promoted
    assert two.promoted


def test_a_gain_within_the_margin_is_not_promoted() -> None:
    settings = DEFAULT.model_copy(update={"promotion": Promotion(margin=0.5)})
    decision = decide(contest_of([0.5]), ["new 0"], "old", settings)
    assert not decision.promoted
    assert decision.production == "old"
