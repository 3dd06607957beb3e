"""From the JSON of a request to the float32 matrix of a model; unknown or invalid features are refused by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from churn_duck.model.dataset import FeatureSchema, Matrix

ID = "user_id"
LARGEST = float(np.finfo(np.float32).max)
SHOWN_PROBLEMS = 20
NUMBERS = {int, float, type(None)}
WORDS = {str, type(None)}
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """A problem and its location, in FastAPI's format."""

    loc: Place
    msg: str
    type: str


class Refused(Exception):
    """The request is invalid."""

    def __init__(self, status: int, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.msg for problem in problems))
        self.status, self.problems = status, list(problems)


@dataclass(frozen=True)
class Asked:
    """Users to predict: their ids as given (None: no id), and float32[N, F] in the model's order."""

    ids: list[str | int | None]
    features: Matrix


def asked(body: bytes, schema: FeatureSchema, max_rows: int) -> Asked:
    """Returns the users of a request body: one object of features, or a list of them.

    A number may be null, which is NaN to the model; a category is a text, and one that is unknown to the model is
    allowed. Raises: Refused naming what is unknown, missing, of the wrong type, or too many users.
    """
    content = _parsed(body)
    rows, inside = (content, True) if isinstance(content, list) else ([content], False)
    if len(rows) > max_rows:
        raise Refused(413, [Problem(("body",), f"{len(rows)} users, at most {max_rows} per call", "too_long")])
    if not rows:
        raise Refused(422, [Problem(("body",), "no users in the list", "too_short")])
    features = _fast(rows, schema)
    if features is None:
        problems = [
            problem for place, row in enumerate(rows) for problem in _problems(row, schema, (place,) if inside else ())
        ]
        raise Refused(422, problems[:SHOWN_PROBLEMS] or [Problem(("body",), "cannot be read", "value_error")])
    return Asked([row.get(ID) for row in rows], features)


def _parsed(body: bytes) -> Any:
    def refuse(word: str) -> None:
        raise ValueError(f"{word} is not JSON; null is a missing number")

    try:
        return json.loads(body, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Refused(422, [Problem(("body",), f"not JSON: {error}", "json_invalid")]) from error


def _fast(rows: list[Any], schema: FeatureSchema) -> Matrix | None:
    """Returns the matrix, or None if anything is wrong; `_problems` finds out what."""
    names = frozenset(schema.names)
    for row in rows:
        if type(row) is not dict or not (row.keys() >= names and len(row) - (ID in row) == len(names)):
            return None
        if type(row.get(ID)) not in (str, int, type(None)):
            return None
    columns = np.empty((len(schema.names), len(rows)))
    for position, name in enumerate(schema.numeric):
        values = [row[name] for row in rows]
        if not set(map(type, values)) <= NUMBERS:
            return None
        try:
            columns[position] = np.array(values, float)
        except OverflowError:
            return None
    if (np.abs(columns[: len(schema.numeric)]) > LARGEST).any():
        return None
    for position, (name, _) in enumerate(schema.categorical, len(schema.numeric)):
        words = [row[name] for row in rows]
        if not set(map(type, words)) <= WORDS:
            return None
        codes, unseen = schema.codes(name)
        columns[position] = [codes.get("missing" if word is None else word, unseen) for word in words]
    return np.ascontiguousarray(columns.T, dtype=np.float32)


def _problems(row: Any, schema: FeatureSchema, place: Place) -> Iterator[Problem]:
    at = ("body", *place)
    if not isinstance(row, Mapping):
        yield Problem(at, "must be an object of features", "dict_type")
        return
    known = set(schema.names)
    for name in row:
        if name not in known and name != ID:
            yield Problem((*at, name), "the model has no such feature", "extra_forbidden")
    for name in schema.names:
        if name not in row:
            yield Problem((*at, name), "missing; a number may be null", "missing")
    if type(row.get(ID)) not in (str, int, type(None)):
        yield Problem((*at, ID), "must be a number or a text", "id_type")
    for name in schema.numeric:
        if name in row and not _is_number(row[name]):
            yield Problem((*at, name), "must be a number or null, within float32", "float_type")
    for name, _ in schema.categorical:
        if name in row and not isinstance(row[name], str | None):
            yield Problem((*at, name), "must be a text or null", "string_type")


def _is_number(value: object) -> bool:
    if value is None:
        return True
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= LARGEST
