"""From a view to the float32 matrix that models are trained on and score: one SELECT for both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl

from churn_duck import measures
from churn_duck.catalog import literal
from churn_duck.config import IDENTIFIER, Settings
from churn_duck.errors import ModelError

Matrix = npt.NDArray[np.float32]
# levels beyond the most frequent ones are read as unseen: a vocabulary is part of the model, not a copy of the data
MAX_LEVELS = 100


@dataclass(frozen=True)
class FeatureSchema:
    """What a model reads, in its order: numeric columns, then categorical ones with their levels."""

    numeric: tuple[str, ...]
    categorical: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def names(self) -> list[str]:
        return [*self.numeric, *(name for name, _ in self.categorical)]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, and all in lists, since an object would lose the order; `from_dict` reads it back."""
        return {
            "numeric": list(self.numeric),
            "categorical": [[name, list(levels)] for name, levels in self.categorical],
        }

    @staticmethod
    def from_dict(content: Mapping[str, Any]) -> FeatureSchema:
        """The schema that a model file carries.

        Raises: ModelError for names that are no identifiers.
        """
        schema = FeatureSchema(
            tuple(content["numeric"]), tuple((name, tuple(levels)) for name, levels in content["categorical"])
        )
        strange = [name for name in schema.names if not IDENTIFIER.fullmatch(name)]
        if strange:
            raise ModelError(f"the model names features {strange}, which are no column names; it is not one of ours")
        return schema

    def select_list(self) -> str:
        """Every feature as FLOAT: numbers as they are, levels as their position, NULL where missing or unseen."""
        numbers = [f"cast({name} as float) as {name}" for name in self.numeric]
        codes = [
            f"cast(list_position({literal(list(levels))}, coalesce({name}, 'missing')) - 1 as float) as {name}"
            for name, levels in self.categorical
        ]
        return ",\n    ".join([*numbers, *codes])


@dataclass(frozen=True)
class Rows:
    """Rows of a dataset: `features` float32[N, F], `label` and `recency` float64[N], `user` int codes[N]."""

    features: Matrix
    label: npt.NDArray[np.float64]
    recency: npt.NDArray[np.float64]
    user: npt.NDArray[np.int64]
    eligible: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.label)

    def only_eligible(self) -> Rows:
        """The rows that are ranked in earnest."""
        keep = self.eligible
        return Rows(self.features[keep], self.label[keep], self.recency[keep], self.user[keep], self.eligible[keep])


def learn_schema(con: duckdb.DuckDBPyConnection, settings: Settings, where: str) -> FeatureSchema:
    """The schema of the settings, its levels taken from the rows of `training_dataset` that `where` keeps."""
    columns = measures.kept_feature_columns(settings)
    categorical = [name for name in columns if name in measures.CATEGORICAL]
    levels = tuple((name, _levels(con, name, where)) for name in categorical)
    return FeatureSchema(tuple(name for name in columns if name not in categorical), levels)


def _levels(con: duckdb.DuckDBPyConnection, column: str, where: str) -> tuple[str, ...]:
    rows = con.execute(
        f"""select level from (
            select coalesce({column}, 'missing') as level, count(*) as n
            from training_dataset
            where {where}
            group by level
        ) order by n desc, level limit {MAX_LEVELS}"""
    ).fetchall()
    return tuple(sorted(str(row[0]) for row in rows))


def read_rows(con: duckdb.DuckDBPyConnection, schema: FeatureSchema, relation: str, where: str = "true") -> Rows:
    """Labelled rows of `relation` in a fixed order, as float32 without a pandas copy."""
    # every row of the other datasets is eligible, so they do not carry the column
    eligible = "is_eligible" if relation == "evaluation_dataset" else "true"
    frame = con.sql(f"""select
    {schema.select_list()},
    cast(churn_label as double) as "(label)",
    cast({measures.RECENCY} as double) as "(recency)",
    dense_rank() over (order by user_id) - 1 as "(user)",
    {eligible} as "(eligible)"
from {relation}
where {where}
order by user_id, as_of_date""").pl()
    return Rows(
        features=_matrix(frame.select(schema.names)),
        label=frame["(label)"].to_numpy(),
        recency=frame["(recency)"].to_numpy(),
        user=frame["(user)"].to_numpy(),
        eligible=frame["(eligible)"].to_numpy(),
    )


def _matrix(frame: pl.DataFrame) -> Matrix:
    """float32[N, F], rows contiguous; NULL is NaN."""
    return np.ascontiguousarray(frame.fill_null(float("nan")).to_numpy(order="c"), dtype=np.float32)
