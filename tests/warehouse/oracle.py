"""The definitions once more, slow and obvious, row by row in plain Python: what the views must equal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from statistics import fmean
from typing import Any

from churn_duck.settings.config import Settings
from churn_duck.settings.schema import Measure

Event = dict[str, Any]
Days = dict[date, list[Event]]
Row = dict[str, float | None]


def by_day(events: Iterable[Event], user_id: object) -> Days:
    days: Days = defaultdict(list)
    for one in events:
        if one["user_id"] == user_id:
            days[one["event_time"].date()].append(one)
    return days


def is_active(events: list[Event], settings: Settings) -> bool:
    wanted = settings.churn.activity
    silent = {kind for measure in settings.measures if not measure.activity for kind in measure.events}
    types = {one["event_type"] for one in events}
    return bool((types & set(wanted) if wanted else types) - silent)


def values(events: list[Event], measure: Measure) -> list[Any]:
    mine = [one for one in events if not measure.events or one["event_type"] in measure.events]
    return [
        one[measure.column] if measure.column else 1
        for one in mine
        if not measure.column or one.get(measure.column) is not None
    ]


def on_a_day(events: list[Event], measure: Measure) -> float | None:
    found = values(events, measure)
    if measure.aggregate in ("count", "sum"):
        return sum(found)
    if measure.aggregate == "distinct":
        return len(set(found))
    return (fmean if measure.aggregate == "avg" else max)(found) if found else None


def over_days(days: list[list[Event]], measure: Measure) -> float | None:
    """Sums add up, a mean is the mean of the daily means, different things are counted once in the whole window."""
    if measure.aggregate == "distinct":
        return len({value for events in days for value in values(events, measure)})
    daily = [value for events in days if (value := on_a_day(events, measure)) is not None]
    if measure.aggregate in ("count", "sum"):
        return sum(daily)
    return (fmean if measure.aggregate == "avg" else max)(daily) if daily else None


def features(days: Days, signup: date, as_of: date, settings: Settings) -> Row:
    today = days.get(as_of, [])
    since_signup = max((as_of - signup).days, 0)
    past = [day for day in days if day <= as_of and is_active(days[day], settings)]
    row: Row = {
        "total_events": len(today),
        "is_active_day": int(is_active(today, settings)),
        "days_since_signup": since_signup,
        "days_since_last_activity": (as_of - max(past)).days if past else since_signup,
        "silent_share": 0.0,
        **{measure.daily_column: on_a_day(today, measure) for measure in settings.measures},
    }
    if since_signup:
        row["silent_share"] = min(1.0, (row["days_since_last_activity"] or 0) / since_signup)
    for window in settings.features.windows_days:
        span = [days.get(as_of - timedelta(days=age), []) for age in range(window)]
        row[f"active_days_{window}d"] = sum(is_active(events, settings) for events in span)
        row[f"events_{window}d"] = sum(len(events) for events in span)
        row |= {f"{measure.name}_{window}d": over_days(span, measure) for measure in settings.measures}
    windows = settings.features.windows_days
    for ratio in settings.ratios:
        days_of = ratio.window_days if ratio.window_days in windows else max(windows)
        part, whole = (sum(row[f"{name}_{days_of}d"] or 0 for name in names) for names in (ratio.part, ratio.whole))
        row[ratio.name] = part / whole if whole else 0.0
    return row


def future_active_days(days: Days, as_of: date, horizon: int, settings: Settings) -> int:
    return sum(is_active(days.get(as_of + timedelta(days=step), []), settings) for step in range(1, horizon + 1))
