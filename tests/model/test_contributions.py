"""Contributions are exact: by hand, by the definition of Shapley values, and by adding up to what the model says."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from churn_duck.errors import ModelError
from churn_duck.model.dataset import FeatureSchema, Matrix
from churn_duck.model.explain import exact, explainer
from churn_duck.model.onnx_model import OnnxModel, from_bytes, sealed
from churn_duck.settings.config import MODEL_NAMES, ModelName, Training
from churn_duck.training.calibrate import Calibration, fold_in
from churn_duck.training.estimators import fit
from churn_duck.training.model_terms import linear_terms, reason_terms
from churn_duck.training.onnx_export import edge_rows, to_onnx
from tests.model.test_onnx import SCHEMA, matrix


def exported(pipeline: Any, schema: FeatureSchema, features: Matrix) -> OnnxModel:
    about = {
        "features": schema.as_dict(),
        "model_version": "v",
        "linear": linear_terms(pipeline, schema),
        "reasons": reason_terms(pipeline, schema, features),
    }
    return from_bytes(to_onnx(pipeline, schema, sealed(about)), "memory")


def learned(name: ModelName, seed: int = 0, **settings: object) -> tuple[Any, OnnxModel, Matrix]:
    features = matrix(3000, seed)
    random = np.random.default_rng(seed)
    chance = 1 / (1 + np.exp(1 - np.nan_to_num(features[:, 0]) / 1e4 - (features[:, 3] == 1)))
    label = (random.random(3000) < chance).astype(float)
    model = fit(name, SCHEMA, Training(**settings), features, label)  # type: ignore[arg-type]
    return model, exported(model, SCHEMA, features), features


@pytest.mark.parametrize("name", MODEL_NAMES)
@pytest.mark.parametrize("strategy", ["none", "class_weight"])
@pytest.mark.parametrize("recipe", ["default", "original"])
@pytest.mark.parametrize("seed", [1, 2])
def test_base_and_contributions_sum_to_the_models_log_odds(
    name: ModelName, strategy: str, recipe: str, seed: int
) -> None:
    _, model, _ = learned(name, seed, imbalance_strategy=strategy, recipe=recipe)
    rows = matrix(500, seed + 10)
    rows[:2, 3:], rows[2] = [[-1.0, 1e6]], np.nan
    said = model.outputs(rows)[0]
    for one in (explainer(model), exact(model)):
        assert one.contributions(rows).sum(axis=1) + one.base == pytest.approx(said, abs=1e-9)


def test_trees_add_up_for_infinite_and_huge_numbers_too() -> None:
    _, model, features = learned("candidate_hgb")
    rows = edge_rows(SCHEMA, features)
    for one in (explainer(model), exact(model)):
        assert one.contributions(rows).sum(axis=1) + one.base == pytest.approx(model.outputs(rows)[0], abs=1e-9)


@pytest.mark.parametrize("name", ["candidate_hgb", "blend"])
def test_calibration_scales_contributions_and_moves_the_base(name: ModelName) -> None:
    pipeline, model, features = learned(name)
    calibrated = exported(fold_in(pipeline, Calibration(0.8, -0.3, 1)), SCHEMA, features)
    rows = features[:50]
    for kind in (explainer, exact):
        raw, one = kind(model), kind(calibrated)
        assert one.contributions(rows) == pytest.approx(0.8 * raw.contributions(rows), abs=1e-12)
        assert one.base == pytest.approx(0.8 * raw.base - 0.3)


def test_a_blends_contributions_are_the_means_of_its_two_models() -> None:
    _, blend, features = learned("blend")
    (_, linear, _), (_, trees, _) = learned("baseline_logreg"), learned("candidate_hgb")
    rows = features[:60]
    for kind in (explainer, exact):
        halves = [0.5 * kind(model).contributions(rows) for model in (linear, trees)]
        assert kind(blend).contributions(rows) == pytest.approx(sum(halves), abs=1e-12)
        assert kind(blend).base == pytest.approx(0.5 * (kind(linear).base + kind(trees).base))
    assert (explainer(blend).method, exact(blend).method) == ("path", "shap")


def test_a_linear_contribution_is_weight_times_distance_from_the_mean_of_the_logarithms() -> None:
    pipeline, model, features = learned("baseline_logreg")
    terms, one = linear_terms(pipeline, SCHEMA), explainer(model)
    assert terms is not None
    rows = np.array([[100, 50, np.nan, 1, 2], [0, 0, 0, 1, np.nan]], np.float32)
    found = one.contributions(rows)
    mean = np.log1p(np.nan_to_num(features[:, 0].astype(float))).mean()
    assert found[0, 0] == pytest.approx((np.log(101) - mean) * terms["numeric"][0])
    weights = np.array(terms["levels"][0])
    shares = [(features[:, 3] == level).mean() for level in (0, 1)]
    assert found[0, 3] == pytest.approx(weights[1] - weights @ shares)
    assert one.method == exact(model).method == "linear"


def tree(*nodes: tuple[float, int, int, float, int, int, int, int]) -> Any:
    names = ("value", "count", "feature_idx", "num_threshold", "missing_go_to_left", "left", "right", "is_leaf")
    made = np.array(list(nodes), dtype=[(name, "f8" if name in ("value", "num_threshold") else "i8") for name in names])
    return SimpleNamespace(nodes=made)


def forest(*trees: Any) -> Any:
    """A pipeline of these trees over the base 0.25, which have a way of their own for NULL."""
    classifier = SimpleNamespace(_predictors=[[one] for one in trees], _baseline_prediction=np.array([[0.25]]))
    columns = SimpleNamespace(named_transformers_={"number": None})
    return SimpleNamespace(named_steps={"columns": columns, "classifier": classifier})


def small_forest(*trees: Any) -> OnnxModel:
    return exported(forest(*trees), FeatureSchema(("a", "b"), ()), np.zeros((1, 2), np.float32))


# a <= 10 leads to 2.0; else b <= 5 to -1.0 and beyond to 0.0; covers 4, 3, 3, so the root is worth 0.5
BY_HAND = tree(
    (0, 10, 0, 10.0, 1, 1, 2, 0), (2.0, 4, 0, 0, 0, 0, 0, 1), (0, 6, 1, 5.0, 1, 3, 4, 0), (-1.0, 3, 0, 0, 0, 0, 0, 1),
    (0.0, 3, 0, 0, 0, 0, 0, 1),
)  # fmt: skip
STUMP = tree((0.5, 10, 0, 0, 0, 0, 0, 1))


def test_paths_through_a_tree_computed_by_hand() -> None:
    one = explainer(small_forest(BY_HAND))
    assert one.base == pytest.approx(0.25 + 0.5)
    found = one.contributions(np.array([[5, 9], [20, 7], [20, 1]], np.float32))
    assert found == pytest.approx(np.array([[1.5, 0], [-1, 0.5], [-1, -0.5]]))


def test_shapley_values_of_a_tree_computed_by_hand() -> None:
    """b is asked although a <= 10 never gets there: knowing b = 7 alone raises the expectation by 0.6 x 0.5 = 0.3."""
    found = exact(small_forest(BY_HAND)).contributions(np.array([[5, 7]], np.float32))
    assert found == pytest.approx(np.array([[(1.5 + 1.2) / 2, (0.3 + 0) / 2]]))


def test_a_tree_that_never_splits_only_moves_the_base() -> None:
    model = small_forest(*[STUMP] * 3, BY_HAND, STUMP)
    rows = np.array([[5, 9], [20, 7]], np.float32)
    for one in (explainer(model), exact(model)):
        assert one.base == pytest.approx(0.25 + 0.5 + 4 * 0.5)
        assert one.contributions(rows).sum(axis=1) + one.base == pytest.approx(model.outputs(rows)[0])


def expected(nodes: Any, row: Matrix, known: set[int], at: int = 0) -> float:
    """A tree's value where only some features are known: both sides of the others, by their covers."""
    node = nodes[at]
    if node["is_leaf"]:
        return float(node["value"])
    left, right = int(node["left"]), int(node["right"])
    value = row[node["feature_idx"]]
    if node["feature_idx"] in known:
        goes_left = node["missing_go_to_left"] if np.isnan(value) else value <= node["num_threshold"]
        return expected(nodes, row, known, left if goes_left else right)
    sides = [(float(nodes[child]["count"]), expected(nodes, row, known, child)) for child in (left, right)]
    return sum(cover * value for cover, value in sides) / sum(cover for cover, _ in sides)


def shapley(trees: list[Any], row: Matrix) -> list[float]:
    """By the definition: over every subset of the other features."""
    n = len(row)
    worth = {
        subset: sum(expected(nodes, row, set(subset)) for nodes in trees)
        for size in range(n + 1)
        for subset in combinations(range(n), size)
    }
    found = []
    for feature in range(n):
        others = [subset for subset in worth if feature not in subset]
        weights = [factorial(len(s)) * factorial(n - len(s) - 1) / factorial(n) for s in others]
        gains = [worth[tuple(sorted((*s, feature)))] - worth[s] for s in others]
        found.append(float(np.dot(weights, gains)))
    return found


def test_exact_contributions_are_shapley_values_by_their_definition() -> None:
    pipeline, _, features = learned("candidate_hgb", 4)
    trees = [predictor for (predictor,) in pipeline.named_steps["classifier"]._predictors][:40]
    found = exact(exported(forest(*trees), SCHEMA, features)).contributions(features[:6])
    by_hand = np.array([shapley([one.nodes for one in trees], row) for row in features[:6].astype(float)])
    assert found == pytest.approx(by_hand, abs=1e-10)


def test_a_model_from_before_there_were_reasons_is_refused() -> None:
    model = fit("baseline_logreg", SCHEMA, Training(), matrix(50, 1), np.arange(50) % 2)
    old = from_bytes(to_onnx(model, SCHEMA, sealed({"features": SCHEMA.as_dict(), "model_version": "v"})), "memory")
    with pytest.raises(ModelError, match="before scores had reasons; run: churn-duck train"):
        explainer(old)
