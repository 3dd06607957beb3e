"""Which model is in production, decided on the same unseen test rows."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta

import numpy as np
import pytest
from churn_duck_cli.main import _exit_code

from churn_duck.errors import ModelError
from churn_duck.evaluation import promote as promoting
from churn_duck.evaluation.promote import promote
from churn_duck.model.registry import production, require_production, rollback, versions, write_registry
from churn_duck.settings.config import Promotion
from churn_duck.settings.load import parse_settings
from churn_duck.training.train import train
from churn_duck.warehouse.build import build
from churn_duck.warehouse.store import Warehouse, open_warehouse, working
from tests.conftest import silent

RULE = Promotion()


def test_the_first_promotion_takes_the_best_and_writes_the_alias(own: Warehouse) -> None:
    with working(own, "test") as con:
        con.execute("delete from promotions")
        decision = promote(con, own)
        current = production(con, own)
    assert decision.promoted
    assert decision.values[decision.production] == max(decision.values.values())
    registry = json.loads((own.models / "model_registry.json").read_text())
    assert current is not None
    assert registry["production"] == decision.production == current.model_version
    assert registry["production_sha256"] == current.file_sha256
    assert len(registry["versions"]) == 3


def test_the_value_that_decides_is_the_value_that_training_reported(own: Warehouse) -> None:
    with working(own, "test") as con:
        con.execute("delete from promotions")
        decision = promote(con, own)
        reported = {version.model_version: version.metrics["pr_auc"] for version in versions(con, own)}
    assert decision.values == pytest.approx(reported, abs=1e-12)


@pytest.mark.whole
def test_the_incumbent_stays_unless_the_challenger_is_surely_better(own: Warehouse) -> None:
    with working(own, "test") as con:
        before = production(con, own)
        train(con, own, ("baseline_logreg", "candidate_hgb"), None, silent, force=True)
        decision = promote(con, own)
        after = production(con, own)
    assert before is not None
    assert after is not None
    assert not decision.promoted
    assert after.model_version == before.model_version
    assert "are required" in decision.reason


def test_a_much_better_challenger_replaces_the_incumbent() -> None:
    random = np.random.default_rng(3)
    label = (random.random(4000) < 0.3).astype(float)
    weak, strong = random.random(4000) + 0.2 * label, random.random(4000) + 0.8 * label
    contest = promoting.Contest({"weak": weak, "strong": strong}, label, np.arange(4000) // 4, "pr_auc")
    assert contest.compared("strong", "weak", RULE, 1).chance_better == 1
    assert contest.compared("strong", "weak", Promotion(margin=0.9), 1).chance_better == 0
    assert contest.compared("weak", "weak", RULE, 1).convinces is False


def test_lower_is_better_for_a_loss() -> None:
    label = np.array([0.0, 1, 0, 1] * 50)
    good, bad = np.where(label == 1, 0.9, 0.1), np.full(200, 0.5)
    contest = promoting.Contest({"good": good, "bad": bad}, label, np.arange(200), "log_loss")
    assert contest.gain("good") > contest.gain("bad")
    evidence = contest.compared("good", "bad", RULE, 1)
    assert evidence.convinces
    assert 0 < evidence.gain_low <= evidence.gain_high


def test_nan_wins_nothing() -> None:
    contest = promoting.Contest({"a": np.array([0.1, np.nan])}, np.array([0.0, 1]), np.arange(2), "log_loss")
    with pytest.raises(ModelError, match="is NaN; nothing is promoted"):
        contest.gain("a")


def test_what_was_trained_on_test_rows_or_another_day_is_not_compared(own: Warehouse) -> None:
    with working(own, "test") as con:
        day = con.execute("select as_of_date from period").fetchall()[0][0]
        with pytest.raises(ModelError, match="no model was trained for"):
            promote(con, own, day - timedelta(days=3))
        # a model that was trained on the test rows replaces the one that was not
        newest = versions(con, own)[0]
        shutil.copy(newest.folder / "model.onnx", newest.folder / "evaluated.onnx")
        con.execute("update models set evaluated_sha256 = file_sha256 where model_version = ?", [newest.model_version])
        with pytest.raises(ModelError, match="tested on data that it was trained on"):
            promote(con, own)


def test_a_new_definition_of_churn_replaces_production(own: Warehouse) -> None:
    other = open_warehouse(parse_settings({"churn": {"window_days": 21}}, "test"), own.root)
    with working(other, "test") as con:
        list(build(con, other))
        train(con, other, ("baseline_logreg",), None, silent)
        decision = promote(con, other)
    assert decision.promoted
    assert "was trained for different settings" in decision.reason
    assert len(decision.values) == 1


def test_production_at_follows_promotions_and_rollbacks(own: Warehouse) -> None:
    moment = "select cast(now() at time zone 'UTC' as timestamp)"
    with working(own, "test") as con:
        other = open_warehouse(parse_settings({"churn": {"window_days": 21}}, "test"), own.root)
        first = require_production(con, own).model_version
        list(build(con, other))
        train(con, other, ("baseline_logreg",), None, silent)
        second = promote(con, other).production
        before = con.execute(moment).fetchall()[0][0]
        assert rollback(con, other, None).model_version == first
        after = con.execute(moment).fetchall()[0][0]
        assert rollback(con, other, second).model_version == second
        past = [
            con.execute("select model_version from production_at(?)", [when]).fetchall()
            for when in (datetime(2020, 1, 1), before, after)
        ]
        now = con.execute("select model_version from current_production").fetchall()
        with pytest.raises(ModelError, match="already in production"):
            rollback(con, other, second)
        with pytest.raises(ModelError, match="there is no model nobody"):
            rollback(con, other, "nobody")
    assert past == [[], [(second,)], [(first,)]]
    assert now == [(second,)]
    assert json.loads((own.models / "model_registry.json").read_text())["production"] == second


def test_the_first_production_model_has_nothing_to_go_back_to(own: Warehouse) -> None:
    with working(own, "test") as con, pytest.raises(ModelError, match="is the first production model"):
        rollback(con, own, None)


@pytest.mark.slow
@pytest.mark.parametrize("gain", [0.0, 0.7])
def test_equals_are_rarely_promoted_and_real_gains_mostly(gain: float) -> None:
    """60 worlds of 300 users with three rows each; the gain takes 70 % of the noise out of the score."""
    promoted = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        truth = np.repeat(random.normal(size=300), 3)
        label = (random.random(900) < 1 / (1 + np.exp(1.2 - truth))).astype(float)
        noise = [random.normal(size=900) for _ in range(2)]
        scores = {"old": truth + noise[0], "new": truth + noise[1] * (1 - gain)}
        contest = promoting.Contest(scores, label, np.repeat(np.arange(300), 3), "pr_auc")
        promoted += contest.compared("new", "old", RULE, seed).convinces
    if gain:
        assert promoted / 60 >= 0.8
    else:
        assert promoted / 60 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 60)


@pytest.fixture
def orphaned(own: Warehouse) -> tuple[Warehouse, str]:
    """A warehouse whose newest promotion names a model that is not there, and what was production before."""
    with working(own, "test") as con:
        before = require_production(con, own).model_version
        con.execute(
            """insert into promotions (promoted_at, model_version, previous_version, reason)
            values (now() at time zone 'UTC', 'gone', ?, 'planted')""",
            [before],
        )
    return own, before


@pytest.mark.parametrize("command", ["score", "drift", "publish", "report", "evaluate", "card", "daily"])
def test_a_production_that_is_not_registered_is_named_with_the_way_out(
    orphaned: tuple[Warehouse, str], command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    own, _ = orphaned
    published = (own.published / "current.duckdb").resolve()
    assert _exit_code(["--warehouse", str(own.root), command]) == 1
    errors = capsys.readouterr().err
    assert "error: production is gone by the newest promotion, and no model of that name is registered" in errors
    assert "churn-duck promote, or churn-duck rollback VERSION" in errors
    # readers go on with the last snapshot
    assert (own.published / "current.duckdb").resolve() == published


def test_models_are_listed_where_production_is_not_among_them(
    orphaned: tuple[Warehouse, str], capsys: pytest.CaptureFixture[str]
) -> None:
    own, before = orphaned
    assert _exit_code(["--warehouse", str(own.root), "--json", "models"]) == 0
    shown = capsys.readouterr()
    assert {row["model_version"]: row["production"] for row in json.loads(shown.out)}[before] is False
    assert "gone was promoted last but is not registered" in shown.err


@pytest.mark.parametrize("named", [True, False])
def test_a_rollback_is_a_way_out_of_a_production_that_is_not_registered(
    orphaned: tuple[Warehouse, str], named: bool
) -> None:
    own, before = orphaned
    with working(own, "test") as con:
        assert rollback(con, own, before if named else None).model_version == before
        assert require_production(con, own).model_version == before
        newest = con.execute("select reason from promotions order by promoted_at desc limit 1").fetchall()
    assert newest == [("rolled back from gone",)]


def test_a_promotion_is_a_way_out_too_and_says_why_nothing_was_compared(orphaned: tuple[Warehouse, str]) -> None:
    own, _ = orphaned
    with working(own, "test") as con:
        write_registry(con, own)
        assert json.loads((own.models / "model_registry.json").read_text())["production"] is None
        decision = promote(con, own)
        assert (decision.promoted, decision.previous, decision.reason) == (True, "gone", "gone is not registered")
        assert require_production(con, own).model_version == decision.production
