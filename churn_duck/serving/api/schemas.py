"""The response models, and the OpenAPI schemas of the current features and attributes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel

from churn_duck.model.dataset import FeatureSchema

UserId = int | str
KINDS = {"BIGINT": "integer", "DOUBLE": "number"}


class Source(BaseModel):
    """The source of a response: one snapshot, its newest scored day, and the model of the risks."""

    snapshot_id: str
    published_at: datetime
    as_of_date: date | None
    model_version: str | None


class Prediction(BaseModel):
    """`churn_risk` is the probability, 0 to 1, of no activity within the churn window."""

    user_id: UserId | None
    churn_risk: float


class Predictions(Source):
    """Predictions in the order of the request."""

    predictions: list[Prediction]


class RankedUser(BaseModel):
    """A user of the newest scored day; `risk_rank` 1 is the highest risk, `reasons` are sentences, strongest first."""

    user_id: UserId
    churn_risk: float
    risk_rank: int
    days_since_signup: int
    days_since_last_activity: int
    attributes: dict[str, str | float | int | None]
    reasons: list[str]


class AtRisk(Source):
    """A page of the list; `next_offset` is null on the last one, `total` counts all matching users."""

    total: int
    next_offset: int | None
    users: list[RankedUser]


class Reason(BaseModel):
    """What raises the risk according to the model; `contribution` is in log-odds."""

    sentence: str
    feature: str
    contribution: float
    method: str


class PastRisk(BaseModel):
    """The risk of a user on one scored day."""

    as_of_date: date
    churn_risk: float
    risk_rank: int
    model_version: str


class User(Source):
    """`churn_risk` and `risk_rank` are null for a user who was not eligible on the newest scored day."""

    user_id: UserId
    churn_risk: float | None
    risk_rank: int | None
    signup_date: date | None
    days_since_signup: int | None = None
    days_since_last_activity: int | None = None
    attributes: dict[str, str | float | int | None] = {}
    reasons: list[Reason]
    history: list[PastRisk]
    activity: list[dict[str, Any]]


class State(BaseModel):
    """A status; `reasons` explain why it is not ready or degraded."""

    status: str
    reasons: list[str] = []
    snapshot_id: str | None = None
    published_at: datetime | None = None
    as_of_date: date | None = None
    model_version: str | None = None


class Hooked(BaseModel):
    """The result of a webhook: `done` is started or nothing, `message` why, `alerts` those that triggered it."""

    done: Literal["started", "nothing"]
    message: str
    alerts: list[str]


class Fault(BaseModel):
    """One problem of a request."""

    loc: list[str | int]
    msg: str
    type: str


class Faults(BaseModel):
    """The problems of a request."""

    detail: list[Fault]


class Detail(BaseModel):
    """Why the request failed."""

    detail: str


def example(features: FeatureSchema) -> dict[str, Any]:
    """Returns a user in the format of `/predict`: all numbers 0, and the first known level of each category."""
    return {
        "user_id": 17,
        **dict.fromkeys(features.numeric, 0),
        **{name: levels[0] if levels else None for name, levels in features.categorical},
    }


def body_schema(features: FeatureSchema | None) -> dict[str, Any]:
    """Returns the JSON schema of the body of `/predict`; without a model, any features."""
    if features is None:
        user: dict[str, Any] = {"type": "object"}
    else:
        number = {"type": ["number", "null"], "minimum": -3.4e38, "maximum": 3.4e38}
        words = {
            name: {"type": ["string", "null"], "examples": list(levels)[:5]} for name, levels in features.categorical
        }
        user = {
            "type": "object",
            "properties": {
                "user_id": {"type": ["integer", "string", "null"]},
                **dict.fromkeys(features.numeric, number),
                **words,
            },
            "required": features.names,
            "additionalProperties": False,
        }
    return {"anyOf": [user, {"type": "array", "items": user, "minItems": 1}]}


def attribute_parameters(attributes: dict[str, str]) -> list[dict[str, Any]]:
    """Returns the query parameters of `/at-risk`, one per attribute."""
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": "Only users with this value; repeat it for any of several values.",
            "schema": {"type": "array", "items": {"type": KINDS.get(kind, "string")}},
        }
        for name, kind in attributes.items()
    ]
