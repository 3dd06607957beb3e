"""The definitions once more, slow and obvious, row by row in plain Python: what the views must equal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from statistics import fmean

from churn_duck.business import MEASURES

Event = dict[str, object]
Days = dict[date, list[Event]]


def by_day(events: Iterable[Event], user_id: int) -> Days:
    days: Days = defaultdict(list)
    for one in events:
        if one["user_id"] == user_id:
            days[one["event_time"].date()].append(one)  # type: ignore[attr-defined]
    return days


def daily(events: list[Event]) -> dict[str, float | None]:
    row: dict[str, float | None] = {"total_events": len(events)}
    for measure in MEASURES:
        mine = [one for one in events if one["event_type"] in measure.events]
        values = [one[measure.column] for one in mine if measure.column and one.get(measure.column) is not None]
        if measure.aggregate == "count":
            row[measure.daily_column] = len(mine)
        elif measure.aggregate == "sum":
            row[measure.daily_column] = sum(values)  # type: ignore[arg-type]
        else:
            row[measure.daily_column] = fmean(values) if values else None  # type: ignore[type-var]
    return row


def features(days: Days, signup: date, as_of: date, windows: Iterable[int]) -> dict[str, float | None]:
    row = {**daily(days.get(as_of, [])), "is_active_day": int(bool(days.get(as_of)))}
    since_signup = max((as_of - signup).days, 0)
    past = [day for day in days if day <= as_of and days[day]]
    row |= {
        "days_since_signup": since_signup,
        "days_since_last_activity": (as_of - max(past)).days if past else since_signup,
    }
    for window in windows:
        span = [as_of - timedelta(days=age) for age in range(window)]
        rows = [daily(days[day]) for day in span if days.get(day)]
        row[f"active_days_{window}d"] = len(rows)
        row[f"events_{window}d"] = sum(one["total_events"] or 0 for one in rows)
        for measure in MEASURES:
            values = [one[measure.daily_column] for one in rows if one[measure.daily_column] is not None]
            mean = measure.aggregate == "avg"
            row[f"{measure.name}_{window}d"] = (
                (fmean(values) if values else None) if mean else sum(values)  # type: ignore[arg-type,type-var]
            )
    largest = 30 if 30 in windows else max(windows)
    failed, paid = row[f"payment_failed_{largest}d"] or 0, row[f"payment_success_{largest}d"] or 0
    row["payment_fail_rate_30d"] = failed / (failed + paid) if failed + paid else 0.0
    return row


def future_active_days(days: Days, as_of: date, horizon: int) -> int:
    return sum(bool(days.get(as_of + timedelta(days=step))) for step in range(1, horizon + 1))
