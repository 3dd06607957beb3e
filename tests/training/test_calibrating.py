"""A sigmoid and a number of trees from later rows; refused where held-out rows say that it makes things worse."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import numpy as np
import polars as pl
import pytest

from churn_duck.errors import ModelError
from churn_duck.evaluation.metrics import Vector, calibration_error, calibration_line, sigmoid
from churn_duck.jobs.run import Ran
from churn_duck.model.dataset import FeatureSchema, Rows, learn_schema, read_rows
from churn_duck.model.onnx_model import from_bytes, sealed
from churn_duck.settings.config import MODEL_NAMES, ModelName, Settings, Training
from churn_duck.settings.load import parse_settings
from churn_duck.training.calibrate import Calibration, accepted, choose, fitted, fold_in, on_all_evidence
from churn_duck.training.estimators import ITERATIONS, fit, log_odds, risk
from churn_duck.training.onnx_export import assert_parity, to_onnx
from churn_duck.warehouse.build import build
from churn_duck.warehouse.store import Warehouse, open_warehouse, working

SCHEMA = FeatureSchema(("a", "b"), ())


def drawn(log_odds_of: Vector, seed: int = 0) -> Vector:
    return (np.random.default_rng(seed).random(len(log_odds_of)) < sigmoid(log_odds_of)).astype(float)


def rows(n: int = 4000, seed: int = 1, role: str | None = None) -> Rows:
    """Users of four days each; the first two fit, the last two calibrate, or the role that is given."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(n, 2)).astype(np.float32)
    label = drawn(features[:, 0].astype(float) - 1, seed)
    day = np.arange(n) % 4
    keys = pl.DataFrame({"user_id": np.arange(n) // 4, "as_of_date": day}).with_columns(
        pl.col("as_of_date").cast(pl.Int32).cast(pl.Date)
    )
    roles = np.where(day < 2, "fit", "calibrate") if role is None else np.full(n, role)
    everyone = np.ones(n, bool)
    return Rows(features, label, label, np.arange(n) // 4, everyone, np.full(n, "train"), roles, keys)


def test_an_overconfident_score_gets_its_slope_back() -> None:
    truth = np.random.default_rng(2).normal(-1, 1, 20_000)
    label = drawn(truth)
    found = fitted(2 * truth + 1, label)
    assert found.slope == pytest.approx(0.5, abs=0.03)
    assert found.intercept == pytest.approx(-0.5, abs=0.06)
    calibrated = found.applied(2 * truth + 1)
    assert calibration_line(calibrated, label) == pytest.approx((1, 0), abs=1e-6)
    assert calibration_error(calibrated, label) < 0.02 < calibration_error(sigmoid(2 * truth + 1), label)


def test_a_score_that_ranks_the_wrong_way_round_is_not_turned_by_calibration() -> None:
    truth = np.random.default_rng(3).normal(-1, 1, 2000)
    with pytest.raises(ModelError, match="higher scores went with less churn"):
        fitted(-truth, drawn(truth))


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_a_folded_in_sigmoid_is_what_the_export_says_too(name: ModelName) -> None:
    features = rows().features
    model = fit(name, SCHEMA, Training(), features, rows().label)
    expected = Calibration(0.7, -0.2, 1).applied(log_odds(model, features))
    fold_in(model, Calibration(0.7, -0.2, 1))
    exported = from_bytes(to_onnx(model, SCHEMA, sealed({"features": SCHEMA.as_dict(), "model_version": "v"})), "m")
    assert risk(model, features) == pytest.approx(expected, abs=1e-12)
    assert assert_parity(model, SCHEMA, exported, features) < 1e-9


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_trees_and_sigmoid_are_chosen_on_rows_that_the_model_has_not_seen(name: ModelName) -> None:
    own = rows()
    chosen = choose(name, SCHEMA, Training(), own)
    assert chosen.held_out == "later days"
    assert len(chosen.label) == 2000
    assert np.array_equal(chosen.label, own.label[own.role == "calibrate"])
    if name == "candidate_hgb":
        # two features and one that matters: 250 trees would learn noise
        assert chosen.iterations < ITERATIONS / 2
        assert chosen.calibration is not None
        assert chosen.calibration.slope > 0.7


def test_without_room_for_later_days_other_users_calibrate_and_nobody_is_on_both_sides() -> None:
    own = rows(role="")
    chosen = choose("baseline_logreg", SCHEMA, Training(), own)
    assert chosen.held_out == "other users"
    held_out = (own.user % 5 == 0) & (np.arange(4000) % 4 >= 2)
    assert np.array_equal(chosen.label, own.label[held_out])
    assert choose("baseline_logreg", SCHEMA, Training(), own, "none").refused == "calibration.method is none"


def test_a_calibration_that_held_out_rows_contradict_is_refused_and_a_good_one_is_kept() -> None:
    truth = np.random.default_rng(5).normal(-1, 1, 5000)
    label, chosen = drawn(truth), choose("baseline_logreg", SCHEMA, Training(), rows())
    wrong = accepted(replace(chosen, calibration=Calibration(0.4, 1.0, 1)), truth, label)
    assert wrong.calibration is None
    assert "without it" in wrong.refused
    assert on_all_evidence(wrong, truth, label) is None
    right = accepted(replace(chosen, calibration=Calibration(0.5, 0.0, 1)), 2 * truth, label)
    assert right.calibration == Calibration(0.5, 0.0, 1)
    shipped = on_all_evidence(right, 2 * truth, label)
    assert shipped is not None
    assert shipped.rows == len(chosen.label) + 5000
    assert on_all_evidence(right, -20 * truth, label) == right.calibration


def test_no_label_of_a_fitting_day_reaches_a_calibrating_one(looking: duckdb.DuckDBPyConnection) -> None:
    told = looking.execute("""select calibration_role, min(as_of_date), max(label_end_date), count(*), any_value(split)
        from training_snapshots where calibration_role is not null group by 1""").fetchall()
    roles = {role: more for role, *more in told}
    assert roles["fit"][1] < roles["calibrate"][0]
    assert {split for *_, split in roles.values()} == {"train"}
    dates = looking.execute("select count(*) from training_snapshots where split = 'train'").fetchall()[0][0]
    assert roles["calibrate"][2] == max(1, dates // 2)


def test_the_evaluation_keeps_what_was_said_before_and_after(ran: tuple[Warehouse, Ran]) -> None:
    for version in ran[1].trained:
        told, own = version.metrics["calibration"], version.metrics["eligible"]
        if told["sigmoid"] is None:
            assert own["raw"]["ece"] == pytest.approx(own["ece"], abs=1e-9)
            assert told["refused"]
        else:
            assert own["ece"] <= own["raw"]["ece"]
        assert version.scoring_model().metadata["iterations"] == told["iterations"]


def test_calibration_can_be_left_out_by_the_configuration(own: Warehouse) -> None:
    settings: Settings = parse_settings({"calibration": {"method": "none"}}, "test")
    warehouse = open_warehouse(settings, own.root)
    with working(warehouse, "test") as con:
        list(build(con, warehouse))
        found = read_rows(con, learn_schema(con, settings), "training_dataset", "split = 'train'")
    assert set(found.role) == {""}
