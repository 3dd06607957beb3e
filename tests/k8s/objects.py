"""Readers over rendered manifests: plain dictionaries in, pods and containers out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
UNITS = {
    "": 1.0,
    "m": 0.001,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}


@dataclass(frozen=True)
class Pod:
    """A pod template, what makes pods of it, and the spec of the Job between, if there is one."""

    owner: Object
    labels: dict[str, str]
    spec: Object
    job: Object | None

    @property
    def name(self) -> str:
        return f"{self.owner['kind']} {self.owner['metadata']['name']}"

    @property
    def containers(self) -> list[Object]:
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    return [item for item in objects if item["kind"] in kinds]


def named(objects: list[Object], kind: str, name: str) -> Object:
    (found,) = [item for item in of_kind(objects, kind) if item["metadata"]["name"] == name]
    return found


def names(objects: list[Object], kind: str) -> set[str]:
    return {item["metadata"]["name"] for item in of_kind(objects, kind)}


def pods(objects: list[Object]) -> Iterator[Pod]:
    for item in of_kind(objects, "Deployment", "Job", "CronJob"):
        job = {"Job": item["spec"], "CronJob": item["spec"].get("jobTemplate", {}).get("spec")}.get(item["kind"])
        template = (job or item["spec"])["template"]
        yield Pod(item, template["metadata"].get("labels", {}), template["spec"], job)


def matches(selector: Object | None, labels: dict[str, str]) -> bool:
    """Whether a selector by labels selects them; an empty one selects everything."""
    wanted: dict[str, str] = (selector or {}).get("matchLabels", {})
    return wanted.items() <= labels.items()


def quantity(text: object) -> float | None:
    """A number of cores or bytes; None for what Kubernetes would not read."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([a-zA-Z]*)", str(text))
    return float(found[1]) * UNITS[found[2]] if found and found[2] in UNITS else None


def environment(container: Object) -> dict[str, Object]:
    return {item["name"]: item for item in container.get("env", [])}


CRON = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}


def cron_values(text: str) -> list[set[int]]:
    """What each of the five fields allows. Raises: ValueError for anything that is no schedule."""
    fields = text.split()
    if len(fields) != len(CRON):
        raise ValueError(f"{text!r} has {len(fields)} fields, not 5")
    return [_field(field, *bounds) for field, bounds in zip(fields, CRON.values(), strict=True)]


def _field(text: str, low: int, high: int) -> set[int]:
    values: set[int] = set()
    for part in text.split(","):
        found = re.fullmatch(r"(\*|(\d+)(?:-(\d+))?)(?:/([1-9]\d*))?", part)
        if not found:
            raise ValueError(f"{part!r} is no part of a schedule")
        first = low if found[1] == "*" else int(found[2])
        last = high if found[1] == "*" else int(found[3] or found[2])
        if not low <= first <= last <= high:
            raise ValueError(f"{part!r} is not within {low} to {high}")
        values |= set(range(first, last + 1, int(found[4] or 1)))
    return values
