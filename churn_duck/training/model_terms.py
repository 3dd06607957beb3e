"""What contributions are measured from, frozen with the model: the typical values of the rows that it learned from."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline

from churn_duck.model.dataset import FeatureSchema, Matrix


def reason_terms(model: Pipeline, schema: FeatureSchema, features: Matrix) -> dict[str, Any]:
    """What reasons need beside the graph, as part of a model's sealed metadata.

    `means`: of each number, NULL as the 0 that the model sees; `typical`: of the rows that have the number, or null;
    `shares`: of each level, in the order of the schema; `trees`: what trees start from, and the training rows that
    ended in each leaf, in the order of the graph's leaves; null for a linear model.
    """
    columns = [features[:, position].astype(np.float64) for position in range(len(schema.numeric))]
    codes = features.T[len(schema.numeric) :]
    return {
        "means": [float(np.nan_to_num(column).mean()) for column in columns],
        "typical": [_mean_of_given(column) for column in columns],
        "shares": [
            [float((code == level).mean()) for level in range(len(levels))]
            for code, (_, levels) in zip(codes, schema.categorical, strict=True)
        ],
        "trees": _tree_terms(model.named_steps["classifier"]),
    }


def _mean_of_given(column: npt.NDArray[np.float64]) -> float | None:
    given = column[~np.isnan(column)]
    return float(given.mean()) if given.size else None


def _tree_terms(classifier: Any) -> dict[str, Any] | None:
    if not hasattr(classifier, "_predictors"):
        return None
    trees = [predictor.nodes for (predictor,) in classifier._predictors]
    return {
        "base": float(np.ravel(classifier._baseline_prediction)[0]),
        "leaf_covers": [int(count) for tree in trees for count in tree["count"][tree["is_leaf"].astype(bool)]],
    }


def linear_terms(model: Pipeline, schema: FeatureSchema) -> dict[str, Any] | None:
    """`base`, a weight for each number and one for each level, the scaling folded in; None: the model is not linear.

    It becomes part of a model's metadata, and thus of what its digest seals.
    """
    classifier = model.named_steps["classifier"]
    if not hasattr(classifier, "coef_"):
        return None
    scaler = model.named_steps["columns"].named_transformers_["number"].named_steps["standardscaler"]
    weights, rest = np.split(classifier.coef_[0], [len(schema.numeric)])
    levels = []
    for _, known in schema.categorical:
        own, rest = np.split(rest, [len(known)])
        levels.append([float(weight) for weight in own])
    base = float(classifier.intercept_[0] - (weights * scaler.mean_ / scaler.scale_).sum())
    return {"base": base, "numeric": [float(weight) for weight in weights / scaler.scale_], "levels": levels}
