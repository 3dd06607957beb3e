"""The responses of the API, each from a single snapshot and its model."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from churn_duck.errors import ModelError
from churn_duck.model.onnx_model import OnnxModel
from churn_duck.serving.api.requests import Problem, Refused, asked
from churn_duck.serving.snapshots import Snapshot
from churn_duck.warehouse.query import quoted

BIGINT = 2**63
WHOLE = re.compile(r"-?[0-9]{1,19}")


def model_of(snapshot: Snapshot) -> OnnxModel:
    """Raises: ModelError when there was no production model at publishing."""
    if snapshot.model is None:
        raise ModelError("no model is in production; run: churn-duck train, churn-duck promote, churn-duck publish")
    return snapshot.model


def source(snapshot: Snapshot, model_version: str | None) -> dict[str, Any]:
    """Returns the snapshot that a response comes from; `model_version` is the model of its risks."""
    manifest = snapshot.manifest
    return {
        "snapshot_id": manifest.snapshot_id,
        "published_at": manifest.published_at,
        "as_of_date": manifest.as_of_date,
        "model_version": model_version,
    }


def predictions(snapshot: Snapshot, body: bytes, max_rows: int) -> dict[str, Any]:
    """Returns the risk of each user of a request, by the production model. Raises: Refused, ModelError."""
    model = model_of(snapshot)
    users = asked(body, model.schema, max_rows)
    risks = model.risk(users.features).tolist()
    rows = [{"user_id": user, "churn_risk": risk} for user, risk in zip(users.ids, risks, strict=True)]
    return {**source(snapshot, model.version), "predictions": rows}


def at_risk(
    snapshot: Snapshot, limit: int, offset: int, min_risk: float, wanted: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Returns a page of the ranked list of the newest scored day, filtered by the `wanted` attribute values.

    Raises: Refused for an unknown attribute, or a value of another type.
    """
    total, page = listed(snapshot, limit, offset, min_risk, wanted)
    more = offset + limit < total
    return {
        **source(snapshot, snapshot.manifest.scored_by),
        "total": total,
        "next_offset": offset + limit if more else None,
        "users": [_ranked(snapshot, row) for row in page],
    }


def listed(
    snapshot: Snapshot, limit: int, offset: int, min_risk: float, wanted: Mapping[str, Sequence[str]], user: str = ""
) -> tuple[int, list[dict[str, Any]]]:
    """Returns how many users match, and a page of their `ranked_users` rows; `user` is an id, or a prefix of a text id.

    Raises: Refused as above.
    """
    conditions = ["churn_risk >= ?"]
    values: list[Any] = [min_risk]
    for name, texts in wanted.items():
        conditions.append(f"list_contains(?, {quoted(name)})")
        values.append(_values(snapshot, name, texts))
    if user:
        is_text = snapshot.columns["ranked_users"]["user_id"] == "VARCHAR"
        conditions.append("starts_with(user_id, ?)" if is_text else "user_id = ?")
        values.append(_user_id(snapshot, user))
    where = " and ".join(conditions)
    (total,) = snapshot.rows(f"select count(*) as users from ranked_users where {where}", values)
    page = snapshot.rows(
        f"from ranked_users where {where} order by risk_rank limit ? offset ?", [*values, limit, offset]
    )
    return total["users"], page


def _values(snapshot: Snapshot, name: str, texts: Sequence[str]) -> list[Any]:
    kind = snapshot.attributes.get(name)
    if kind is None:
        known = ", ".join(["limit", "offset", "min_risk", *snapshot.attributes])
        raise Refused(422, [Problem(("query", name), f"unknown parameter; known are {known}", "extra_forbidden")])
    return [_value(name, kind, text) for text in texts]


def _value(name: str, kind: str, text: str) -> str | int | float:
    try:
        if kind == "BIGINT":
            return _whole(text)
        if kind == "DOUBLE":
            value = float(text)
            if not math.isfinite(value):
                raise ValueError
            return value
    except ValueError:
        raise Refused(422, [Problem(("query", name), "must be a number", "number_parsing")]) from None
    return text


def _ranked(snapshot: Snapshot, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "user_id": row["user_id"],
        "churn_risk": row["churn_risk"],
        "risk_rank": row["risk_rank"],
        "days_since_signup": row["days_since_signup"],
        "days_since_last_activity": row["days_since_last_activity"],
        "attributes": {name: row[name] for name in snapshot.attributes},
        "reasons": [row[f"reason_{rank}"] for rank in (1, 2, 3) if row[f"reason_{rank}"] is not None],
    }


def user(snapshot: Snapshot, text: str) -> dict[str, Any] | None:
    """Returns everything about one user, or None when there is no such user.

    A user who was not eligible on the newest scored day has no risk and no rank, but may have a history.
    """
    user_id = _user_id(snapshot, text)
    if user_id is None:
        return None
    known = snapshot.rows("select signup_date from users_clean where user_id = ?", [user_id])
    ranked = snapshot.rows("from ranked_users where user_id = ?", [user_id])
    history = snapshot.rows(
        """select as_of_date, churn_risk, risk_rank, model_version from predictions
        where user_id = ? order by as_of_date desc""",
        [user_id],
    )
    if not known and not history:
        return None
    now = _ranked(snapshot, ranked[0]) if ranked else {"user_id": user_id, "churn_risk": None, "risk_rank": None}
    return {
        **source(snapshot, ranked[0]["model_version"] if ranked else None),
        **now,
        "signup_date": known[0]["signup_date"] if known else None,
        "reasons": _reasons(snapshot, user_id),
        "history": history,
        "activity": _activity(snapshot, user_id),
    }


def _reasons(snapshot: Snapshot, user_id: object) -> list[dict[str, Any]]:
    return snapshot.rows(
        """select sentence, feature, contribution, method from worded_reasons
        where user_id = ? order by reason_rank""",
        [user_id],
    )


def _activity(snapshot: Snapshot, user_id: object) -> list[dict[str, Any]]:
    """Returns active days, newest first; days without events have no row."""
    columns = [quoted(name) for name in snapshot.columns["user_activity"] if name not in ("user_id", "user_bucket")]
    query = f"select {', '.join(columns)} from user_activity where user_id = ? order by activity_date desc"
    return snapshot.rows(query, [user_id])


def _user_id(snapshot: Snapshot, text: str) -> str | int | None:
    if snapshot.columns["ranked_users"]["user_id"] == "VARCHAR":
        return text
    try:
        return _whole(text)
    except ValueError:
        return None


def _whole(text: str) -> int:
    number = int(text) if WHOLE.fullmatch(text) else BIGINT
    if not -BIGINT <= number < BIGINT:
        raise ValueError(text)
    return number
