"""What contributions are measured from, frozen with the model: the typical values of the rows that it learned from."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline

from churn_duck.model.dataset import FeatureSchema, Matrix
from churn_duck.model.linear_sql import IDENTITY, SIGNED_LOG, transformed
from churn_duck.training.estimators import Model, summands


def reason_terms(model: Model, schema: FeatureSchema, features: Matrix) -> dict[str, Any]:
    """What reasons need beside the graph, as part of a model's sealed metadata.

    `means`: of each number as its weight reads it, NULL as 0; `typical`: of the rows that have the number, or null;
    `shares`: of each level, in the order of the schema; `trees`: what trees start from, whether they read NULL as 0,
    and the training rows that ended in each leaf, in the order of the graph's leaves; null for a linear model.
    """
    terms = linear_terms(model, schema) or {}
    columns = [features[:, position].astype(np.float64) for position in range(len(schema.numeric))]
    codes = features.T[len(schema.numeric) :]
    return {
        "means": [float(transformed(terms, np.nan_to_num(column)).mean()) for column in columns],
        "typical": [_mean_of_given(column) for column in columns],
        "shares": [
            [float((code == level).mean()) for level in range(len(levels))]
            for code, (_, levels) in zip(codes, schema.categorical, strict=True)
        ],
        "trees": _tree_terms(summands(model)[1]),
    }


def _mean_of_given(column: npt.NDArray[np.float64]) -> float | None:
    given = column[~np.isnan(column)]
    return float(given.mean()) if given.size else None


def _tree_terms(trees: Pipeline | None) -> dict[str, Any] | None:
    if trees is None:
        return None
    classifier = trees.named_steps["classifier"]
    nodes = [predictor.nodes for (predictor,) in classifier._predictors]
    return {
        "base": float(np.ravel(classifier._baseline_prediction)[0]),
        "null_is_zero": null_is_zero(trees),
        "leaf_covers": [int(count) for tree in nodes for count in tree["count"][tree["is_leaf"].astype(bool)]],
    }


def null_is_zero(trees: Pipeline) -> bool:
    """Whether missing numbers are read as 0; else the trees have a way of their own for them."""
    return hasattr(trees.named_steps["columns"].named_transformers_["number"], "named_steps")


def linear_terms(model: Model, schema: FeatureSchema) -> dict[str, Any] | None:
    """`base`, a weight for each number and one for each level, the scaling folded in; None: nothing in it is linear.

    `transform` is what happens to a number before its weight. In a blend these are the terms of the linear half. They
    become part of a model's metadata, and thus of what its digest seals.
    """
    linear, _ = summands(model)
    if linear is None:
        return None
    classifier, numbers = linear.named_steps["classifier"], linear.named_steps["columns"].named_transformers_["number"]
    scaler = numbers.named_steps["standardscaler"]
    weights, rest = np.split(classifier.coef_[0], [len(schema.numeric)])
    levels = []
    for _, known in schema.categorical:
        own, rest = np.split(rest, [len(known)])
        levels.append([float(weight) for weight in own])
    return {
        "base": float(classifier.intercept_[0] - (weights * scaler.mean_ / scaler.scale_).sum()),
        "transform": SIGNED_LOG if "functiontransformer" in numbers.named_steps else IDENTITY,
        "numeric": [float(weight) for weight in weights / scaler.scale_],
        "levels": levels,
    }
