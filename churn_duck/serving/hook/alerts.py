"""What Alertmanager sends to a webhook, and which of it asks for a retraining."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from churn_duck.serving.api.requests import Problem, Refused

Words = dict[str, str]
MOST_ALERTS = 1000


class Sent(BaseModel):
    """Whatever else Alertmanager sends, now or later, is none of our business."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Alert(Sent):
    """One alert of a group."""

    status: Literal["firing", "resolved"]
    labels: Words
    annotations: Words = {}
    starts_at: Annotated[AwareDatetime, Field(alias="startsAt")]
    fingerprint: str = ""


class Message(Sent):
    """Version 4 of the webhook's format, the only one there has been since 2017."""

    version: Literal["4"]
    status: Literal["firing", "resolved"]
    alerts: Annotated[list[Alert], Field(max_length=MOST_ALERTS)]


def message(body: bytes) -> Message:
    """The message of a request. Raises: Refused (422) naming what is wrong where."""
    try:
        return Message.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        problems = [Problem(("body", *one["loc"]), one["msg"], one["type"]) for one in found[:20]]
        raise Refused(422, problems) from error


def asking(sent: Message, names: Collection[str]) -> list[str]:
    """The names among `names` of alerts that fire, each once, in order."""
    firing = {one.labels.get("alertname") for one in sent.alerts if one.status == "firing"}
    return [name for name in dict.fromkeys(names) if name in firing]


def body_schema() -> dict[str, Any]:
    """JSON schema of the message, in one piece."""
    schema = Message.model_json_schema()
    schema["properties"]["alerts"]["items"] = schema.pop("$defs")["Alert"]
    return schema
