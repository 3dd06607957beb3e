"""What is measured per user and day, and which columns are features: the lists that decide SQL columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from churn_duck.config import Settings
from churn_duck.errors import ConfigError


@dataclass(frozen=True)
class Measure:
    """One quantity per active day, summed or averaged over each window as `<name>_<days>d`."""

    name: str
    daily_column: str
    aggregation: Literal["count", "sum", "mean"]
    event_type: str
    column: str | None
    unit: str


MEASURES = (
    Measure("logins", "logins_count", "count", "login", None, "logins"),
    Measure("enroll", "enroll_count", "count", "course_enroll", None, "course enrolments"),
    Measure("watch_minutes", "watch_minutes_sum", "sum", "video_watch", "watch_minutes", "minutes of video watched"),
    Measure("quiz_attempts", "quiz_attempts_count", "count", "quiz_attempt", None, "quiz attempts"),
    Measure("quiz_avg_score", "quiz_avg_score", "mean", "quiz_attempt", "quiz_score", "mean quiz score, 0 to 100"),
    Measure("payment_success", "payment_success_count", "count", "payment_success", None, "payments that succeeded"),
    Measure("payment_failed", "payment_failed_count", "count", "payment_failed", None, "payments that failed"),
    Measure("support_ticket", "support_ticket_count", "count", "support_ticket", None, "support tickets"),
)
EVENT_TYPES = tuple(dict.fromkeys(measure.event_type for measure in MEASURES))
CATEGORICAL = ("plan", "country", "marketing_source")
ATTRIBUTES = ("days_since_signup", "plan", "is_paid", "country", "marketing_source", "engagement_score")
DAILY = ("is_active_day", "total_events", *(measure.daily_column for measure in MEASURES))
CHECK = ("landing", "source_row", "severity", "offence")
RECENCY = "days_since_last_activity"

_COMMENTS = {
    "user_id": "the user",
    "as_of_date": "features are known at the end of this UTC day",
    "signup_date": "day of signing up (UTC)",
    "days_since_signup": "days from signup_date to as_of_date, 0 before it",
    "plan": "lower case, trimmed",
    "is_paid": "1 paying, 0 not or not said",
    "country": "as it came. NULL: none was given",
    "marketing_source": "as it came. NULL: none was given",
    "engagement_score": "as it came, 0 to 1. NULL: none was given",
    "is_active_day": "1 with any event on as_of_date, else 0",
    "total_events": "events of any type on the day",
    "days_since_last_activity": "days since the last active day; since signup_date before the first",
    "payment_fail_rate_30d": "failed share of the payments in 30 days (or the largest window), 0 without payments",
    "last_activity_date": "last active day on or before as_of_date. NULL: never active",
    "state": "future, new (never active), active or lapsed",
    "is_eligible": "true: worth a prediction; see population.active_within_days",
    "future_active_days": "active days among the churn_window_days after as_of_date",
    "churn_label": "1: no active day among the churn_window_days after as_of_date; 0: at least one",
    "landing": "number of the land command that brought the row",
    "source_row": "row number within that landing",
    "severity": "fail: validate exits 1; warn: it is only told",
    "offence": "what is wrong, with the value",
    "split": "train, purge, test or warm_up: the part of the date in the evaluation",
}


def feature_columns(windows: list[int]) -> list[str]:
    """Every feature of `user_features`, in its order."""
    windowed = [
        f"{stem}_{days}d" for days in windows for stem in ("active_days", "events", *(m.name for m in MEASURES))
    ]
    return [*ATTRIBUTES, *DAILY, *windowed, RECENCY, "payment_fail_rate_30d"]


def kept_feature_columns(settings: Settings) -> list[str]:
    """The features that a model sees: all but `features.exclude`.

    Raises: ConfigError when an excluded column is no feature, or nothing is left.
    """
    columns = feature_columns(settings.features.windows_days)
    unknown = [name for name in settings.features.exclude if name not in columns]
    if unknown:
        raise ConfigError(f"features.exclude names {', '.join(unknown)}; allowed: {', '.join(columns)}")
    needed = {RECENCY} & set(settings.features.exclude)
    if needed:
        raise ConfigError(f"features.exclude names {RECENCY}; it stays, since the recency rule is read from it")
    return [name for name in columns if name not in settings.features.exclude]


def column_comments(windows: list[int]) -> dict[str, str]:
    """Unit and meaning of NULL for every column that several views share."""
    comments = dict(_COMMENTS)
    for measure in MEASURES:
        null = ". NULL: no score" if measure.aggregation == "mean" else ""
        comments[measure.daily_column] = f"{measure.unit} on the day{null}"
        for days in windows:
            span = "mean of the daily means" if measure.aggregation == "mean" else measure.unit
            comments[f"{measure.name}_{days}d"] = f"{span} in the {days} days to as_of_date{null}"
    for days in windows:
        comments[f"active_days_{days}d"] = f"active days among the {days} to as_of_date"
        comments[f"events_{days}d"] = f"events of any type in the {days} days to as_of_date"
    return comments
