"""Content of the user pages: the list with its filters, and one user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from churn_duck.serving.api import answers
from churn_duck.serving.dashboard.user_charts import activity, risks
from churn_duck.serving.snapshots import Snapshot
from churn_duck.warehouse.query import quoted

PAGE = 50
# attributes with more values are typed, not chosen
CHOICES = 40
WIDTHS = (960, 360)
SHOWN_DAYS = 14


@dataclass(frozen=True)
class Asked:
    """The fields of the list's form."""

    user_id: str
    min_risk: float
    offset: int
    wanted: dict[str, list[str]]

    def link(self, offset: int) -> str:
        """Returns a relative link to the same list from another offset."""
        given = [("user_id", self.user_id), ("min_risk", f"{self.min_risk:g}" if self.min_risk else "")]
        given += [(name, value) for name, values in self.wanted.items() for value in values]
        query = urlencode(
            [*((name, value) for name, value in given if value), *([("offset", offset)] if offset else [])]
        )
        return f".?{query}" if query else "."


@dataclass(frozen=True)
class Choice:
    """An attribute to filter by; without `values` it is a text field."""

    name: str
    values: list[str]
    chosen: str


def people(snapshot: Snapshot, asked: Asked) -> dict[str, Any]:
    """Returns the content of the list. Raises: Refused for an unknown attribute."""
    total, rows = answers.listed(snapshot, PAGE, asked.offset, asked.min_risk, asked.wanted, asked.user_id)
    bands = bands_of(snapshot)
    earlier = _earlier(snapshot, [row["user_id"] for row in rows])
    shown = [{**row, "band": band(bands, row["churn_risk"]), **earlier[row["user_id"]]} for row in rows]
    last = asked.offset + len(rows)
    return {
        "asked": asked,
        "words": [name for name, kind in snapshot.attributes.items() if kind == "VARCHAR"],
        "total": total,
        "page_size": PAGE,
        "first": asked.offset + 1,
        "last": last,
        "rows": shown,
        "bands": bands,
        "choices": list(_choices(snapshot, asked.wanted)),
        "is_filtered": bool(asked.user_id or asked.min_risk or asked.wanted),
        "before": asked.link(max(asked.offset - PAGE, 0)) if asked.offset else None,
        "after": asked.link(last) if last < total and rows else None,
        "is_known": bool(asked.user_id and not total and answers.user(snapshot, asked.user_id)),
        "scored_users": sum(row["band_users"] for row in bands),
        "earlier_date": _earlier_date(snapshot),
    }


def bands_of(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Returns the bands of the newest scored day, high first."""
    return snapshot.rows("from risk_bands where as_of_date = ? order by place", [snapshot.manifest.as_of_date])


def band(bands: Sequence[Mapping[str, Any]], risk: float) -> str:
    """Returns the name of the band that holds the risk."""
    return next((str(row["band"]) for row in bands if risk >= row["from_risk"]), "low")


def _earlier_date(snapshot: Snapshot) -> object:
    days = snapshot.rows("select max(earlier_date) as day from scored_days where as_of_date = ?",
                         [snapshot.manifest.as_of_date])  # fmt: skip
    return days[0]["day"]


def _earlier(snapshot: Snapshot, users: Sequence[object]) -> dict[object, dict[str, Any]]:
    """Returns rank and risk of the users on the previous scored day."""
    rows = snapshot.rows(
        "select user_id, earlier_rank, earlier_risk from what_changed where user_id in (select unnest(?))", [users]
    )
    none = {"earlier_rank": None, "earlier_risk": None}
    return {**dict.fromkeys(users, none), **{row.pop("user_id"): row for row in rows}}


def _choices(snapshot: Snapshot, wanted: Mapping[str, Sequence[str]]) -> Iterator[Choice]:
    for name, kind in snapshot.attributes.items():
        chosen = (wanted.get(name) or [""])[0]
        rows = snapshot.rows(
            f"select distinct {quoted(name)} as value from ranked_users where value is not null order by value limit ?",
            [CHOICES + 1],
        )
        values = [str(row["value"]) for row in rows]
        if len(values) > CHOICES or kind == "DOUBLE":
            yield Choice(name, [], chosen)
        elif values:
            yield Choice(name, values if chosen in ("", *values) else [*values, chosen], chosen)


def person(snapshot: Snapshot, user_id: str) -> dict[str, Any] | None:
    """Returns the content of one user's page, or None when there is no such user."""
    details = answers.user(snapshot, user_id)
    if details is None:
        return None
    bands = bands_of(snapshot)
    last = snapshot.manifest.as_of_date or snapshot.manifest.world_date
    history, active = details["history"], details["activity"]
    counted = [name for name in (active[0] if active else ()) if name not in ("activity_date", "is_active_day")]
    return {
        "user": details,
        "band": band(bands, details["churn_risk"]) if details["churn_risk"] is not None else None,
        "scored_users": sum(row["band_users"] for row in bands),
        "changed": next(iter(snapshot.rows("from what_changed where user_id = ?", [details["user_id"]])), None),
        "risks": [risks(history, bands, width) for width in WIDTHS] if history else [],
        "activity": [activity(active, last, width) for width in WIDTHS] if active and last else [],
        "counted": [name for name in counted if any(row[name] for row in active)],
        "shown_days": SHOWN_DAYS,
    }
