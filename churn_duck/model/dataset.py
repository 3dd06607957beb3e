"""From a view to the float32 matrix of a model: the same SELECT for training and scoring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl

from churn_duck.errors import ModelError
from churn_duck.settings import view_columns as measures
from churn_duck.settings.config import Settings
from churn_duck.settings.schema import IDENTIFIER
from churn_duck.warehouse.query import literal
from churn_duck.warehouse.user_batches import parts

Matrix = npt.NDArray[np.float32]
# levels beyond the most frequent ones are read as unseen: the model file holds a vocabulary, not a copy of the data
MAX_LEVELS = 100
# a level of fewer users than this share, or this number, is read as the level OTHER
RARE_SHARE, RARE_USERS, OTHER = 0.01, 20, "other"


@dataclass(frozen=True)
class FeatureSchema:
    """What a model reads, in its order: numeric columns, then categorical ones with their levels.

    `pooled` names the categories whose rare levels are one, `other`. Levels that training never saw go there too, since
    they are as rare; in the other categories they are missing.
    """

    numeric: tuple[str, ...]
    categorical: tuple[tuple[str, tuple[str, ...]], ...]
    pooled: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        return [*self.numeric, *(name for name, _ in self.categorical)]

    def as_dict(self) -> dict[str, Any]:
        """Returns it JSON-ready, in lists, which keep the order; `from_dict` reads it back."""
        return {
            "numeric": list(self.numeric),
            "categorical": [[name, list(levels)] for name, levels in self.categorical],
            "pooled": list(self.pooled),
        }

    @staticmethod
    def from_dict(content: Mapping[str, Any]) -> FeatureSchema:
        """Returns the schema of a model file.

        Raises: ModelError for names that are not identifiers.
        """
        schema = FeatureSchema(
            tuple(content["numeric"]),
            tuple((name, tuple(levels)) for name, levels in content["categorical"]),
            tuple(content.get("pooled", ())),
        )
        invalid = [name for name in schema.names if not IDENTIFIER.fullmatch(name)]
        if invalid:
            raise ModelError(
                f"the model has features {invalid}, which are not valid column names; not a Churn Duck model"
            )
        return schema

    def select_list(self) -> str:
        """Returns every feature as FLOAT: numbers as they are, levels by position; NULL where missing or unseen."""
        numbers = [f"cast({name} as float) as {name}" for name in self.numeric]
        codes = [f"cast({self._place(name, levels)} - 1 as float) as {name}" for name, levels in self.categorical]
        return ",\n    ".join([*numbers, *codes])

    def _place(self, name: str, levels: tuple[str, ...]) -> str:
        place = f"list_position({literal(list(levels))}, coalesce({name}, 'missing'))"
        return f"coalesce({place}, {levels.index(OTHER) + 1})" if name in self.pooled else place

    def codes(self, name: str) -> tuple[dict[str, float], float]:
        """The code of each level of a category, and the code of any other; NaN: missing."""
        levels = dict(self.categorical)[name]
        codes = {level: float(code) for code, level in enumerate(levels)}
        return codes, codes[OTHER] if name in self.pooled else float("nan")


@dataclass(frozen=True)
class Rows:
    """Rows of a dataset: `features` float32[N, F], `label` and `recency` float64[N], `user` int codes[N].

    `split` is the part of the date in the evaluation, `role` its part in the calibration (empty: none); `keys` are
    user_id and as_of_date; `share` is the share of the users that were read.
    """

    features: Matrix
    label: npt.NDArray[np.float64]
    recency: npt.NDArray[np.float64]
    user: npt.NDArray[np.int64]
    eligible: npt.NDArray[np.bool_]
    split: npt.NDArray[np.str_]
    role: npt.NDArray[np.str_]
    keys: pl.DataFrame
    share: float = 1.0

    def __len__(self) -> int:
        return len(self.label)

    def where(self, keep: npt.NDArray[np.bool_]) -> Rows:
        """Returns the rows where `keep`, bool[N], is true."""
        if keep.all():
            return self
        return replace(
            self, keys=self.keys.filter(pl.Series(keep)), **{name: getattr(self, name)[keep] for name in _ARRAYS}
        )

    def only_eligible(self) -> Rows:
        """Returns the eligible rows, those that a scoring would rank."""
        return self.where(self.eligible)


_ARRAYS = ("features", "label", "recency", "user", "eligible", "split", "role")


def learn_schema(con: duckdb.DuckDBPyConnection, settings: Settings) -> FeatureSchema:
    """Returns the schema of the settings, with the levels of users who had signed up by the as-of date."""
    columns = measures.kept_feature_columns(settings)
    words = [name for name in columns if name in measures.categorical(settings)]
    numeric, is_original = tuple(name for name in columns if name not in words), settings.training.recipe == "original"
    read = {name: _levels(con, name, 0.0 if is_original else RARE_SHARE) for name in words}
    levels = tuple((name, kept) for name, (kept, _) in read.items())
    return FeatureSchema(numeric, levels, tuple(name for name, (_, is_pooled) in read.items() if is_pooled))


def _levels(con: duckdb.DuckDBPyConnection, column: str, rare_share: float) -> tuple[tuple[str, ...], bool]:
    """The levels in alphabetical order, and whether the rare ones are `other`; with a share of 0 none is rare."""
    rows = con.execute(
        f"""select coalesce({column}, 'missing') as level, count(*) as n
        from users_clean
        where signup_date <= (select as_of_date from period)
        group by level
        order by n desc, level"""
    ).fetchall()
    least = max(RARE_USERS, rare_share * sum(n for _, n in rows)) if rare_share else 0
    common = {str(level) for level, n in rows[:MAX_LEVELS] if n >= least}
    is_pooled = bool(rare_share) and len(common) < len(rows)
    return tuple(sorted(common | ({OTHER} if is_pooled else set()))), is_pooled


def read_rows(
    con: duckdb.DuckDBPyConnection, schema: FeatureSchema, dataset: str, where: str = "true", share: float = 1.0
) -> Rows:
    """Returns labelled rows of `dataset` in a fixed order, read in parts by user so that memory stays low."""
    # every row of the other datasets is eligible and has its split; every row of this one is a test row
    evaluation = dataset == "evaluation_dataset"
    query = f"""select
    user_id,
    as_of_date,
    {schema.select_list()},
    cast(churn_label as double) as "(label)",
    cast({measures.RECENCY} as double) as "(recency)",
    dense_rank() over (order by user_id) - 1 as "(user)",
    {"is_eligible" if evaluation else "true"} as "(eligible)",
    {"'test'" if evaluation else "split"} as "(split)",
    {"''" if evaluation else "coalesce(calibration_role, '')"} as "(role)"
from {dataset}
where {where} and """
    batches: list[Rows] = []
    for part in parts(con, dataset, share):
        frame = con.sql(f"{query}{part.where} order by user_id, as_of_date").pl()
        batches.append(_rows(frame, schema, share))
    return _joined(batches)


def _rows(frame: pl.DataFrame, schema: FeatureSchema, share: float) -> Rows:
    return Rows(
        features=_matrix(frame.select(schema.names)),
        label=frame["(label)"].to_numpy(),
        recency=frame["(recency)"].to_numpy(),
        user=frame["(user)"].to_numpy(),
        eligible=frame["(eligible)"].to_numpy(),
        split=frame["(split)"].to_numpy().astype("U7"),
        role=frame["(role)"].to_numpy().astype("U9"),
        keys=frame.select("user_id", "as_of_date"),
        share=share,
    )


def _joined(batches: list[Rows]) -> Rows:
    """Concatenates `batches` and empties it: each is freed once copied, so that memory holds the rows about once."""
    total, first = sum(len(rows) for rows in batches), batches[0]
    arrays = {name: np.empty((total, *getattr(first, name).shape[1:]), getattr(first, name).dtype) for name in _ARRAYS}
    share, start, users = first.share, 0, 0
    del first
    keys = pl.concat([rows.keys for rows in batches])
    while batches:
        rows = batches.pop(0)
        end = start + len(rows)
        for name in _ARRAYS:
            arrays[name][start:end] = getattr(rows, name)
        arrays["user"][start:end] += users
        users += int(rows.user.max()) + 1 if len(rows) else 0
        start = end
    return Rows(**arrays, keys=keys, share=share)


def _matrix(frame: pl.DataFrame) -> Matrix:
    """float32[N, F], rows contiguous; NULL is NaN."""
    return np.ascontiguousarray(frame.fill_null(float("nan")).to_numpy(order="c"), dtype=np.float32)
