"""Who is production, decided on the same unseen test rows."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta

import numpy as np
import pytest

from churn_duck import promote as promoting
from churn_duck.config import parse_settings
from churn_duck.errors import ModelError
from churn_duck.promote import promote
from churn_duck.registry import production, versions
from churn_duck.train import train
from churn_duck.warehouse import Warehouse, build, open_warehouse, working
from tests.conftest import silent


def test_the_first_promotion_takes_the_best_and_writes_the_alias(own: Warehouse) -> None:
    with working(own, "test") as con:
        con.execute("delete from promotions")
        made = promote(con, own)
        current = production(con, own)
    assert made.promoted
    assert made.values[made.production] == max(made.values.values())
    registry = json.loads((own.models / "model_registry.json").read_text())
    assert current is not None
    assert registry["production"] == made.production == current.model_version
    assert registry["production_sha256"] == current.file_sha256
    assert len(registry["versions"]) == 2


def test_the_value_that_decides_is_the_value_that_training_reported(own: Warehouse) -> None:
    with working(own, "test") as con:
        con.execute("delete from promotions")
        made = promote(con, own)
        reported = {version.model_version: version.metrics["pr_auc"] for version in versions(con, own)}
    assert made.values == pytest.approx(reported, abs=1e-12)


def test_the_incumbent_stays_unless_the_challenger_is_surely_better(own: Warehouse) -> None:
    with working(own, "test") as con:
        before = production(con, own)
        train(con, own, ("baseline_logreg", "candidate_hgb"), None, silent)
        made = promote(con, own)
        after = production(con, own)
    assert before is not None
    assert after is not None
    assert not made.promoted
    assert after.model_version == before.model_version
    assert "are needed" in made.reason


def test_a_much_better_challenger_replaces_the_incumbent() -> None:
    random = np.random.default_rng(3)
    label = (random.random(4000) < 0.3).astype(float)
    weak, strong = random.random(4000) + 0.2 * label, random.random(4000) + 0.8 * label
    contest = promoting._Contest({"weak": weak, "strong": strong}, label, np.arange(4000) // 4, "pr_auc")
    assert contest.chance_better("strong", "weak", 0.0, 1) == 1
    assert contest.chance_better("strong", "weak", 0.9, 1) == 0
    assert contest.chance_better("weak", "weak", 0.0, 1) == 0


def test_lower_is_better_for_a_loss() -> None:
    label = np.array([0.0, 1, 0, 1] * 50)
    good, bad = np.where(label == 1, 0.9, 0.1), np.full(200, 0.5)
    contest = promoting._Contest({"good": good, "bad": bad}, label, np.arange(200), "log_loss")
    assert contest.gain("good") > contest.gain("bad")
    assert contest.chance_better("good", "bad", 0.0, 1) == 1


def test_nan_wins_nothing() -> None:
    contest = promoting._Contest({"a": np.array([0.1, np.nan])}, np.array([0.0, 1]), np.arange(2), "log_loss")
    with pytest.raises(ModelError, match="is NaN; nothing is promoted"):
        contest.gain("a")


def test_what_was_trained_on_test_rows_or_another_day_is_not_compared(own: Warehouse) -> None:
    with working(own, "test") as con:
        day = con.execute("select as_of_date from period").fetchall()[0][0]
        with pytest.raises(ModelError, match="no model was trained for"):
            promote(con, own, day - timedelta(days=3))
        # a model that has seen the test rows takes the place of the one that has not
        newest = versions(con, own)[0]
        shutil.copy(newest.folder / "model.onnx", newest.folder / "evaluated.onnx")
        con.execute("update models set evaluated_sha256 = file_sha256 where model_version = ?", [newest.model_version])
        with pytest.raises(ModelError, match="judged on what it has seen"):
            promote(con, own)


def test_a_new_definition_of_churn_replaces_production(own: Warehouse) -> None:
    other = open_warehouse(parse_settings({"churn": {"window_days": 21}}, "test"), own.root)
    with working(other, "test") as con:
        list(build(con, other))
        train(con, other, ("baseline_logreg",), None, silent)
        made = promote(con, other)
    assert made.promoted
    assert "answers another question" in made.reason
    assert len(made.values) == 1
