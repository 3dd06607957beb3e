"""The exported model says what the trained one says, and an altered file says nothing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import duckdb
import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import helper
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from churn_duck.errors import ModelError
from churn_duck.jobs.run import Ran
from churn_duck.model.dataset import FeatureSchema, Matrix
from churn_duck.model.linear_sql import risk_sql
from churn_duck.model.onnx_model import OnnxModel, from_bytes, load_model, sealed
from churn_duck.settings.config import MODEL_NAMES, ModelName, Training
from churn_duck.training.estimators import Learner, fit, log_odds, risk
from churn_duck.training.model_terms import linear_terms
from churn_duck.training.onnx_export import assert_parity, edge_rows, to_onnx
from churn_duck.warehouse.store import Warehouse

SCHEMA = FeatureSchema(("minutes", "score", "empty"), (("plan", ("free", "paid")), ("country", ("IN", "UK", "US"))))


def matrix(n: int, seed: int) -> Matrix:
    random = np.random.default_rng(seed)
    features = random.gamma(0.7, 1e4, (n, 5)).astype(np.float32)
    features[random.random((n, 5)) < 0.1] = np.nan
    features[:, 2] = np.nan
    features[:, 3:] = random.integers(-1, 3, (n, 2))
    features[features[:, 3] < 0, 3] = np.nan
    return features


def trained(name: ModelName, seed: int = 0, **settings: object) -> tuple[object, OnnxModel, Matrix]:
    features = matrix(3000, seed)
    chance = 1 / (1 + np.exp(1 - np.nan_to_num(features[:, 0]) / 1e4 - (features[:, 3] == 1)))
    label = (np.random.default_rng(seed).random(3000) < chance).astype(float)
    model = fit(name, SCHEMA, Training(**settings), features, label)  # type: ignore[arg-type]
    metadata = sealed({"features": SCHEMA.as_dict(), "model_version": "v"})
    return model, from_bytes(to_onnx(model, SCHEMA, metadata), "memory"), features


@pytest.mark.parametrize("name", MODEL_NAMES)
@pytest.mark.parametrize("strategy", ["none", "class_weight"])
@pytest.mark.parametrize("recipe", ["default", "original"])
def test_export_agrees_to_1e9_on_test_rows_and_on_edge_rows(name: ModelName, strategy: str, recipe: str) -> None:
    model, exported, _ = trained(name, imbalance_strategy=strategy, recipe=recipe)
    assert assert_parity(model, SCHEMA, exported, matrix(5000, 9)) < 1e-9  # type: ignore[arg-type]


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_class_weights_are_taken_out_of_the_probability(name: ModelName) -> None:
    _, plain, features = trained(name)
    _, weighted, _ = trained(name, imbalance_strategy="class_weight")
    assert weighted.risk(features).mean() == pytest.approx(plain.risk(features).mean(), abs=0.02)


def test_a_blend_is_one_graph_that_says_the_mean_of_both_log_odds() -> None:
    blend, exported, features = trained("blend")
    given = np.concatenate([features, edge_rows(SCHEMA, features)])
    finite = np.isfinite(given[:, :3]).all(axis=1) | np.isnan(given[:, :3]).all(axis=1)
    given = given[finite]
    halves = [trained(name)[1].outputs(given)[0] for name in ("baseline_logreg", "candidate_hgb")]
    log_odds, said = exported.outputs(given)
    assert log_odds == pytest.approx((halves[0] + halves[1]) / 2, abs=1e-12)
    assert said == pytest.approx(1 / (1 + np.exp(-(halves[0] + halves[1]) / 2)), abs=1e-12)
    assert exported.linear is None
    assert linear_terms(blend, SCHEMA) is not None  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["candidate_hgb", "blend"])
def test_more_of_a_feature_with_a_direction_never_moves_the_risk_the_other_way(name: ModelName) -> None:
    """Labels that say the opposite for long silences: only the constraint keeps the risk from falling."""
    random = np.random.default_rng(3)
    features = random.gamma(1, 10, (4000, 5)).astype(np.float32)
    features[:, 3:] = 0
    silence = features[:, 0]
    label = (random.random(4000) < np.where(silence > 25, 0.2, silence / 30)).astype(float)
    steps = np.repeat(features[:200], 60, axis=0)
    steps[:, 0] = np.tile(np.linspace(0, 80, 60), 200)

    def rises(directions: dict[str, int]) -> Matrix:
        model = Learner(SCHEMA, Training(), directions).fit(name, features, label)
        exported = from_bytes(to_onnx(model, SCHEMA, sealed({"features": SCHEMA.as_dict(), "model_version": "v"})), "m")
        return np.diff(exported.risk(steps).reshape(200, 60))

    assert (rises({}) < 0).any()
    assert (rises({"minutes": 1, "score": -1}) >= 0).all()


@pytest.mark.parametrize("name", ["baseline_logreg", "candidate_hgb"])
def test_the_original_recipe_gives_the_original_models(name: ModelName) -> None:
    features = matrix(3000, 5)
    label = (np.random.default_rng(5).random(3000) < 0.3).astype(float)
    filled = features.astype(float)
    filled[:, :3] = np.nan_to_num(filled[:, :3])
    if name == "candidate_hgb":
        model = HistGradientBoostingClassifier(
            learning_rate=0.08, max_depth=6, max_iter=250, early_stopping=False, random_state=42
        )
    else:
        levels = OneHotEncoder(categories=[np.arange(2.0), np.arange(3.0)], handle_unknown="ignore")
        columns = make_column_transformer((StandardScaler(), [0, 1, 2]), (levels, [3, 4]), sparse_threshold=0)
        model = make_pipeline(columns, LogisticRegression(max_iter=2000))
    expected = model.fit(filled, label).decision_function(filled)
    found = log_odds(fit(name, SCHEMA, Training(recipe="original"), features, label), features)
    assert found == pytest.approx(expected, abs=1e-12)


def test_edge_rows_hold_nan_infinities_and_unseen_levels_and_give_probabilities() -> None:
    rows = edge_rows(SCHEMA, matrix(10, 1))
    assert np.isinf(rows).any()
    assert np.isnan(rows).any()
    assert (rows[:, 3] == 1e6).any()
    _, exported, _ = trained("candidate_hgb")
    assert ((exported.risk(rows) >= 0) & (exported.risk(rows) <= 1)).all()


def test_a_tree_that_never_splits_is_exported_too() -> None:
    features = np.zeros((100, 5), np.float32)
    label = np.arange(100) % 4 == 0
    model = fit("candidate_hgb", SCHEMA, Training(), features, label)
    exported = from_bytes(to_onnx(model, SCHEMA, sealed({"features": SCHEMA.as_dict(), "model_version": "v"})), "m")
    assert exported.risk(features[:1]) == pytest.approx([0.25], abs=1e-6)


def test_the_parity_gate_catches_a_model_that_is_slightly_off() -> None:
    model, exported, features = trained("baseline_logreg")
    model.named_steps["classifier"].intercept_ += 1e-5  # type: ignore[attr-defined]
    with pytest.raises(ModelError, match="differs from the trained one"):
        assert_parity(model, SCHEMA, exported, features)  # type: ignore[arg-type]


def test_the_order_of_features_survives_the_file() -> None:
    """Canonical JSON sorts keys: with categories in an object, plan and country once changed places."""
    _, exported, _ = trained("baseline_logreg")
    assert exported.schema == SCHEMA
    assert exported.schema.names == ["minutes", "score", "empty", "plan", "country"]
    model, swapped = trained("baseline_logreg")[0], FeatureSchema(SCHEMA.numeric, SCHEMA.categorical[::-1])
    with pytest.raises(ModelError, match="another order"):
        assert_parity(model, swapped, exported, matrix(10, 1))  # type: ignore[arg-type]


@pytest.mark.parametrize("recipe", ["default", "original"])
def test_a_linear_model_says_the_same_in_sql_for_numbers_levels_nulls_and_unseen_levels(recipe: str) -> None:
    model, exported, features = trained("baseline_logreg", recipe=recipe)
    features[::7, 0] *= -1
    terms = linear_terms(model, SCHEMA)  # type: ignore[arg-type]
    assert terms is not None
    columns = {name: column.astype(object) for name, column in zip(SCHEMA.names, features.T, strict=True)}
    rows = pa.table({name: pa.array(column, pa.float32(), from_pandas=True) for name, column in columns.items()})
    assert all(rows.column(name).null_count for name in ("minutes", "empty", "plan"))
    found = duckdb.sql(f"select {risk_sql(terms, SCHEMA)} as risk from rows").fetchnumpy()["risk"]
    assert found == pytest.approx(exported.risk(features), abs=1e-14)


def test_trees_are_no_linear_model() -> None:
    assert linear_terms(trained("candidate_hgb")[0], SCHEMA) is None  # type: ignore[arg-type]


def test_scores_do_not_depend_on_the_batch() -> None:
    model, exported, features = trained("candidate_hgb")
    whole = exported.risk(features)
    parts = np.concatenate([exported.risk(part) for part in np.array_split(features, 77)])
    assert parts == pytest.approx(whole, abs=1e-14)
    assert whole == pytest.approx(risk(model, features), abs=1e-12)  # type: ignore[arg-type]


def test_an_altered_missing_or_foreign_file_is_refused(ran: tuple[Warehouse, Ran], tmp_path: Path) -> None:
    version = ran[1].trained[0]
    content = (version.folder / "model.onnx").read_bytes()
    path = tmp_path / "model.onnx"
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ModelError, match="was altered and is refused"):
        load_model(path, version.file_sha256)
    with pytest.raises(ModelError, match="cannot read model"):
        load_model(tmp_path / "none.onnx", version.file_sha256)
    path.write_bytes(b"not a model")
    with pytest.raises(ModelError, match="is no ONNX model"):
        load_model(path, hashlib.sha256(b"not a model").hexdigest())


def test_metadata_schema_and_operators_are_checked() -> None:
    model = fit("baseline_logreg", SCHEMA, Training(), matrix(50, 1), np.arange(50) % 2)
    content = to_onnx(model, SCHEMA, sealed({"features": SCHEMA.as_dict(), "model_version": "v"}))
    proto = onnx.load_model_from_string(content)
    told = json.dumps({"features": {"numeric": ["a"], "categorical": []}, "model_version": "v"})
    helper.set_model_props(proto, {"churn_duck": told, "churn_duck_sha256": "0" * 64})
    with pytest.raises(ModelError, match="altered metadata"):
        from_bytes(proto.SerializeToString(), "m")
    helper.set_model_props(proto, {"churn_duck": told, "churn_duck_sha256": hashlib.sha256(told.encode()).hexdigest()})
    with pytest.raises(ModelError, match="not `features` of 1 floats"):
        from_bytes(proto.SerializeToString(), "m")
    strange = onnx.load_model_from_string(content)
    strange.graph.node[-1].op_type = "Tanh"
    with pytest.raises(ModelError, match="Tanh"):
        from_bytes(strange.SerializeToString(), "m")


def test_nothing_is_pickled_and_the_model_describes_itself(ran: tuple[Warehouse, Ran]) -> None:
    for version in ran[1].trained:
        assert {path.name for path in version.folder.iterdir()} == {"model.onnx", "evaluated.onnx", "metrics.json"}
        told = version.scoring_model().metadata
        assert told["model_version"] == version.model_version
        assert {"windows_days", "churn_window_days", "training", "data_hash", "sql_hash", "libraries"} <= set(told)
        assert version.evaluated_model().metadata["training"]["last_label_date"] < str(
            version.metrics["test"]["first_as_of_date"]
        )
