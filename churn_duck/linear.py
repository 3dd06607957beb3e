"""A linear model as SQL: DuckDB adds up its terms several times faster than any library that wants a matrix first."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from churn_duck.dataset import FeatureSchema


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


def risk_sql(terms: dict[str, Any], schema: FeatureSchema) -> str:
    """The probability of churn over columns of `FeatureSchema.select_list`, in double."""
    return f"1 / (1 + exp(-(\n    {log_odds_sql(terms, schema)}\n)))"


def log_odds_sql(terms: dict[str, Any], schema: FeatureSchema) -> str:
    """The log-odds of churn over the same columns, the terms in their order."""
    numbers = [
        f"coalesce(cast({name} as double), 0) * {weight!r}"
        for name, weight in zip(schema.numeric, terms["numeric"], strict=True)
    ]
    levels = [
        f"coalesce({weights!r}[cast({name} as integer) + 1], 0)"
        for (name, _), weights in zip(schema.categorical, terms["levels"], strict=True)
    ]
    return "\n    + ".join([repr(terms["base"]), *numbers, *levels])
