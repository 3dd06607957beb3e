"""A linear model as SQL: DuckDB adds up its terms several times faster than any library that wants a matrix first."""

from __future__ import annotations

from typing import Any

from churn_duck.model.dataset import FeatureSchema


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
