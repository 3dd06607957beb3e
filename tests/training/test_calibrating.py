"""A sigmoid from later rows, kept only where still later ones show that it helps; the test rows choose nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

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
from churn_duck.training.calibrate import Calibration, choose, fitted, fold_in
from churn_duck.training.estimators import Learner, fit, log_odds, risk
from churn_duck.training.fits import chosen_for, judged, with_iterations
from churn_duck.training.onnx_export import assert_parity, to_onnx
from churn_duck.warehouse.build import build
from churn_duck.warehouse.store import Warehouse, open_warehouse, working
from tests.conftest import silent

SCHEMA = FeatureSchema(("a", "b"), ())
LEARNER = Learner(SCHEMA, Training())


def drawn(log_odds_of: Vector, seed: int = 0) -> Vector:
    return (np.random.default_rng(seed).random(len(log_odds_of)) < sigmoid(log_odds_of)).astype(float)


def rows(n: int = 4000, seed: int = 1, role: str | None = None, days: int = 4) -> Rows:
    """Users of some days each, 30 days apart; the first half fits, the last calibrates, or the role that is given."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(n, 2)).astype(np.float32)
    label = drawn(features[:, 0].astype(float) - 1, seed)
    day = np.arange(n) % days
    keys = pl.DataFrame({"user_id": np.arange(n) // days, "as_of_date": 30 * day}).with_columns(
        pl.col("as_of_date").cast(pl.Int32).cast(pl.Date)
    )
    roles = np.where(day < days // 2, "fit", "calibrate") if role is None else np.full(n, role)
    everyone = np.ones(n, bool)
    return Rows(features, label, label, np.arange(n) // days, everyone, np.full(n, "train"), roles, keys)


def scored(trust: float, shift_at: int | None = None, days: int = 6) -> tuple[Vector, Rows]:
    """Log-odds that are honest ones times `trust`, of rows whose base rate falls from day `shift_at` on."""
    own = rows(6000, 4, "calibrate", days)
    honest = np.random.default_rng(8).normal(-1, 1, len(own))
    day = np.arange(len(own)) % days
    truth = honest - (1.5 * (day >= shift_at) if shift_at is not None else 0)
    return trust * honest, replace(own, label=drawn(truth, 6))


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
    before = log_odds(model, features)
    expected = Calibration(0.7, -0.2, 1).applied(before)
    calibrated = fold_in(model, Calibration(0.7, -0.2, 1))
    about = sealed({"features": SCHEMA.as_dict(), "model_version": "v"})
    exported = from_bytes(to_onnx(calibrated, SCHEMA, about), "m")
    assert risk(calibrated, features) == pytest.approx(expected, abs=1e-12)
    assert assert_parity(calibrated, SCHEMA, exported, features) < 1e-9
    # others may be composed of the same model
    assert np.array_equal(log_odds(model, features), before)


def test_a_sigmoid_is_kept_where_later_dates_show_that_it_helps() -> None:
    raw, later = scored(trust=2.5)
    chosen = choose(raw, later, 30, 0)
    assert chosen.calibration is not None
    assert chosen.check is not None
    assert chosen.calibration.slope == pytest.approx(0.4, abs=0.05)
    assert chosen.check.log_loss_after < chosen.check.log_loss_before
    # the label of the last date that chooses ends before the first that checks
    assert chosen.last_as_of_date == date(1970, 1, 1) + timedelta(30)
    assert chosen.check.first_as_of_date == date(1970, 1, 1) + timedelta(90)


def test_a_sigmoid_is_refused_where_it_hurts_later_dates_or_does_not_help_beyond_chance() -> None:
    """Right when it was chosen, wrong since: the base rate falls between the dates that choose and those that check."""
    raw, later = scored(trust=1.0, shift_at=3)
    shifted = choose(raw - 1.0, later, 30, 0)
    assert shifted.calibration is None
    assert shifted.check is not None
    assert shifted.check.gain_high < 0
    assert "does not help beyond chance on 1970-04-01 to 1970-05-31" in shifted.refused
    honest = choose(*scored(trust=1.0), 30, 0)
    assert honest.calibration is None
    assert "does not help beyond chance" in honest.refused


def test_one_date_or_few_users_calibrate_nothing_and_it_is_said() -> None:
    raw, later = scored(2.5)
    day = np.arange(len(later)) % 6
    assert "too few training dates" in choose(raw[day == 0], later.where(day == 0), 30, 0).refused
    # dates nearer to each other than a label is long say the same twice
    assert "too few training dates" in choose(raw, later, 150, 0).refused
    few = np.arange(len(later)) < 60
    assert "fewer than 20 users" in choose(raw[few], later.where(few), 30, 0).refused
    # nobody has earlier dates here
    assert judged(LEARNER, rows(role=""), 30, silent) is None
    assert "too few training dates or rows" in chosen_for("blend", None, Settings().calibration).refused
    none = Settings().calibration.model_copy(update={"method": "none"})
    assert chosen_for("blend", None, none).refused == "calibration.method is none"


def test_sigmoids_come_from_models_that_have_not_seen_the_rows_and_each_base_model_is_fitted_once() -> None:
    own, told = rows(8000, days=8), []
    judge = judged(LEARNER, own, 30, told.append)
    assert judge is not None
    assert np.array_equal(judge.fits.rows.label, own.label[own.role == "fit"])
    assert np.array_equal(judge.later.label, own.label[own.role == "calibrate"])
    for name in MODEL_NAMES:
        assert judge.choose(name).check is not None
    assert told == ["baseline_logreg: fitting 4,000 rows", "candidate_hgb: fitting 4,000 rows"]


def test_the_original_recipe_chooses_its_trees_on_rows_that_the_model_has_not_seen() -> None:
    original = replace(LEARNER, training=Training(recipe="original"))
    for own in (rows(), rows(role="")):
        judge = judged(original, own, 30, silent)
        # two features and one that matters: 250 trees would learn noise
        assert with_iterations(original, judge, own, "sigmoid", silent).trees < 125
        assert with_iterations(original, judge, own, "none", silent).trees == 250
    assert with_iterations(LEARNER, None, rows(), "sigmoid", silent).trees == 100


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
            assert told["check"]["gain_low"] > 0
        assert version.scoring_model().metadata["iterations"] == told["iterations"] == 100


def test_calibration_can_be_left_out_by_the_configuration(own: Warehouse) -> None:
    settings: Settings = parse_settings({"calibration": {"method": "none"}}, "test")
    warehouse = open_warehouse(settings, own.root)
    with working(warehouse, "test") as con:
        list(build(con, warehouse))
        found = read_rows(con, learn_schema(con, settings), "training_dataset", "split = 'train'")
    assert set(found.role) == {""}
