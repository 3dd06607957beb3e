"""The message that Alertmanager sends to a webhook, and which of its alerts trigger a retraining."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from churn_duck.serving.api.requests import Problem, Refused

Words = dict[str, str]
MOST_ALERTS = 1000


class Sent(BaseModel):
    """Base of the parsed objects; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Alert(Sent):
    """One alert of a group."""

    status: Literal["firing", "resolved"]
    labels: Words
    annotations: Words = {}
    starts_at: Annotated[AwareDatetime, Field(alias="startsAt")]
    fingerprint: str = ""


class Message(Sent):
    """Version 4 of the webhook's format, the only one since 2017."""

    version: Literal["4"]
    status: Literal["firing", "resolved"]
    alerts: Annotated[list[Alert], Field(max_length=MOST_ALERTS)]


def message(body: bytes) -> Message:
    """Returns the message of a request. Raises: Refused (422) with each problem and its location."""
    try:
        return Message.model_validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        problems = [Problem(("body", *fault["loc"]), fault["msg"], fault["type"]) for fault in faults[:20]]
        raise Refused(422, problems) from error


def firing(sent: Message, names: Collection[str]) -> list[str]:
    """Returns those of `names` whose alerts are firing, each once, in order."""
    active = {alert.labels.get("alertname") for alert in sent.alerts if alert.status == "firing"}
    return [name for name in dict.fromkeys(names) if name in active]


def body_schema() -> dict[str, Any]:
    """Returns the JSON schema of the message, without references."""
    schema = Message.model_json_schema()
    schema["properties"]["alerts"]["items"] = schema.pop("$defs")["Alert"]
    return schema
