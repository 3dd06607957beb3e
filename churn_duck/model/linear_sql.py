"""A linear model as SQL: DuckDB adds up its terms several times faster than any library that wants a matrix first."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from churn_duck.model.dataset import FeatureSchema

# what a linear model does to each number before its weight; files from before there was a choice do nothing
IDENTITY, SIGNED_LOG = "identity", "signed_log"


def signed_log(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """sign(x) ln(1 + |x|)."""
    size = np.abs(numbers)
    size += 1
    np.log(size, out=size)
    return np.copysign(size, numbers, out=size)


def transformed(terms: dict[str, Any], numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The numbers as the weights of `terms` want them."""
    return signed_log(numbers) if terms.get("transform", IDENTITY) == SIGNED_LOG else numbers


def risk_sql(terms: dict[str, Any], schema: FeatureSchema) -> str:
    """The probability of churn over columns of `FeatureSchema.select_list`, in double."""
    return f"1 / (1 + exp(-(\n    {log_odds_sql(terms, schema)}\n)))"


def log_odds_sql(terms: dict[str, Any], schema: FeatureSchema) -> str:
    """The log-odds of churn over the same columns, the terms in their order."""
    is_log = terms.get("transform", IDENTITY) == SIGNED_LOG
    numbers = [
        f"{_signed_log_sql(name) if is_log else _filled_sql(name)} * {weight!r}"
        for name, weight in zip(schema.numeric, terms["numeric"], strict=True)
    ]
    levels = [
        f"coalesce({weights!r}[cast({name} as integer) + 1], 0)"
        for (name, _), weights in zip(schema.categorical, terms["levels"], strict=True)
    ]
    return "\n    + ".join([repr(terms["base"]), *numbers, *levels])


def _filled_sql(name: str) -> str:
    return f"coalesce(cast({name} as double), 0)"


def _signed_log_sql(name: str) -> str:
    return f"sign({_filled_sql(name)}) * ln(1 + abs({_filled_sql(name)}))"
