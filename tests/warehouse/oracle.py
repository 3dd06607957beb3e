"""The definitions once more, slow and obvious, row by row in plain Python: what the views must equal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise
from math import ceil, floor, log, log1p
from statistics import fmean, median, stdev
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
    return row | history(days, past, as_of, settings)


def history(days: Days, past: list[date], as_of: date, settings: Settings) -> Row:
    """What is known of the user's rhythm; `past` are the active days up to the as-of date."""
    active = sorted(past)
    row: Row = {
        "active_days_ever": len(active),
        "active_weeks_ever": len({(day - active[0]).days // 7 for day in active}),
        "is_one_active_day": int(len(active) == 1),
        **rhythm([(later - day).days for day, later in pairwise(active)]),
        **silences(active, as_of),
    }
    gaps = {name.removesuffix("_days"): row[name] for name in row if name.startswith("gap_")}
    age, silence = row["days_since_first_activity"], (as_of - active[-1]).days if active else None
    for name in ("gap_mean", "gap_median", "gap_p90", "gap_last", "gap_mean_last_3"):
        row[f"silence_per_{name}"] = None if silence is None else silence / (gaps[name] or max(age or 0, 1))
    on_days: dict[str, dict[date, float]] = {
        "active_days": dict.fromkeys(active, 1.0),
        "events": {day: log1p(len(events)) for day, events in days.items()},
    }
    for half_life in (7, 30, 120):
        row |= {f"{name}_decayed_{half_life}d": decayed(of, as_of, half_life) for name, of in on_days.items()}
    for short, long in ((7, 30), (30, 120)):
        row[f"activity_trend_{short}d_{long}d"] = trend(on_days["active_days"], as_of, short, long)
    for measure in settings.measures:
        if measure.aggregate in ("count", "sum") and measure.activity and measure.direction in (None, -1):
            daily = {day: on_a_day(events, measure) or 0.0 for day, events in days.items()}
            row[f"{measure.name}_decayed_30d"] = decayed(daily, as_of, 30)
            row[f"{measure.name}_trend_7d_30d"] = trend(daily, as_of, 7, 30)
    return row


def rhythm(gaps: list[int]) -> Row:
    """Of the days between active days, in their order."""
    recent = sorted(gaps[-20:])
    place = 0.9 * (len(recent) - 1)
    if not gaps:
        names = ("mean_days", "sd_days", "log_mean", "median_days", "p90_days", "last_days", "mean_last_3_days")
        return {f"gap_{name}": None for name in (*names, "longest_days")}
    return {
        "gap_mean_days": fmean(gaps),
        "gap_sd_days": stdev(gaps) if len(gaps) > 1 else None,
        "gap_log_mean": fmean(map(log, gaps)),
        "gap_median_days": median(recent),
        "gap_p90_days": recent[floor(place)] + (recent[ceil(place)] - recent[floor(place)]) * (place - floor(place)),
        "gap_last_days": gaps[-1],
        "gap_mean_last_3_days": fmean(gaps[-3:]),
        "gap_longest_days": max(gaps),
    }


def silences(active: list[date], as_of: date) -> Row:
    """Of users without an active day all is unknown."""
    names = ("days_since_first_activity", "active_span_share", "usual_gap_days", "silence_per_usual_gap")
    if not active:
        return dict.fromkeys(names)
    age, silence = (as_of - active[0]).days, (as_of - active[-1]).days
    usual = (age + 1) / len(active)
    return dict(zip(names, (age, (age - silence) / age if age else 1.0, usual, silence / usual), strict=True))


def decayed(daily: dict[date, float], as_of: date, half_life: int) -> float:
    """Each day counts half for every `half_life` days that have passed."""
    return sum(value * 0.5 ** ((as_of - day).days / half_life) for day, value in daily.items() if day <= as_of)


def trend(daily: dict[date, float], as_of: date, short: int, long: int) -> float | None:
    whole = decayed(daily, as_of, long)
    return decayed(daily, as_of, short) / whole if whole else None


def future_active_days(days: Days, as_of: date, horizon: int, settings: Settings) -> int:
    return sum(is_active(days.get(as_of + timedelta(days=step), []), settings) for step in range(1, horizon + 1))
