"""The features that come from a user's whole history: their names, meanings, directions and families."""

from __future__ import annotations

from dataclasses import dataclass

from churn_duck.settings.config import Settings
from churn_duck.settings.schema import Direction, Family, Measure

HALF_LIVES_DAYS = (7, 30, 120)
_NEVER = ". NULL: never active"
_NO_GAP = ". NULL: fewer than two active days"
_PER = "days since the last active day, over"


@dataclass(frozen=True)
class HistoryFeature:
    """`words` is its key in reason_text.yaml; `measure` is None for what every business has."""

    name: str
    meaning: str
    direction: Direction
    family: Family
    words: str
    days: int | None = None
    measure: Measure | None = None
    scale: int = 1
    is_whole: bool = False


def decayed_measures(settings: Settings) -> list[Measure]:
    """The measures whose days add up, and of which more is a good sign: the others have their windows."""
    return [measure for measure in settings.measures if measure.adds_up and measure.churn_direction == -1]


def history_features(settings: Settings) -> list[HistoryFeature]:
    """In the order of their columns; none with `features.history: false`."""
    if not settings.features.history:
        return []
    return [
        *_COUNTS,
        *_SILENCES,
        *GAPS,
        *(feature for days in HALF_LIVES_DAYS for feature in _decays(days)),
        _trend(7, 30),
        _trend(30, 120),
        *(feature for measure in decayed_measures(settings) for feature in _of_measure(measure)),
    ]


def _feature(
    name: str, meaning: str, direction: Direction, family: Family, *, scale: int = 1, is_whole: bool = False
) -> HistoryFeature:
    return HistoryFeature(name, meaning, direction, family, name, scale=scale, is_whole=is_whole)


_COUNTS = (
    _feature("active_days_ever", "active days up to as_of_date", -1, "volume", is_whole=True),
    _feature(
        "active_weeks_ever",
        "weeks with an active day up to as_of_date, counted from the first active day",
        -1,
        "volume",
        is_whole=True,
    ),
    _feature("is_one_active_day", "1 with one active day up to as_of_date, else 0", 0, "rhythm"),
    _feature("days_since_first_activity", f"days since the first active day{_NEVER}", 0, "tenure", is_whole=True),
    _feature(
        "active_span_share",
        f"share of days_since_first_activity up to the last active day, 0 to 1; 1 on the first active day{_NEVER}",
        -1,
        "silence",
        scale=100,
        is_whole=True,
    ),
    _feature(
        "usual_gap_days", f"days since the first active day, itself included, per active day{_NEVER}", 0, "rhythm"
    ),
)
_SILENCES = tuple(
    _feature(f"silence_per_{name}", f"{_PER} {meaning}{_NEVER}", 1, "silence")
    for name, meaning in (
        ("usual_gap", "usual_gap_days"),
        ("gap_mean", "gap_mean_days, or over days_since_first_activity where there is no gap"),
        ("gap_median", "gap_median_days, or over days_since_first_activity where there is no gap"),
        ("gap_p90", "gap_p90_days, or over days_since_first_activity where there is no gap"),
        ("gap_last", "gap_last_days, or over days_since_first_activity where there is no gap"),
        ("gap_mean_last_3", "gap_mean_last_3_days, or over days_since_first_activity where there is no gap"),
    )
)
GAPS = tuple(
    _feature(name, f"{meaning}{null}", 0, "rhythm")
    for name, meaning, null in (
        ("gap_mean_days", "mean gap between active days, in days", _NO_GAP),
        (
            "gap_sd_days",
            "standard deviation of the gaps between active days, in days",
            ". NULL: fewer than three active days",
        ),
        ("gap_log_mean", "mean natural logarithm of the gaps between active days, in days", _NO_GAP),
        ("gap_median_days", "median of the last 20 gaps between active days, in days", _NO_GAP),
        ("gap_p90_days", "90 % quantile of the last 20 gaps between active days, in days", _NO_GAP),
        ("gap_last_days", "days between the last two active days", _NO_GAP),
        ("gap_mean_last_3_days", "mean of the last three gaps between active days, in days", _NO_GAP),
        ("gap_longest_days", "longest gap between active days, in days", _NO_GAP),
    )
)


def _decays(days: int) -> tuple[HistoryFeature, HistoryFeature]:
    weight = f"each day counting half for every {days} days up to as_of_date"
    return (
        HistoryFeature(
            f"active_days_decayed_{days}d", f"active days, {weight}", -1, "volume", "active_days_decayed", days
        ),
        HistoryFeature(
            f"events_decayed_{days}d",
            f"sum of ln(1 + events of the day), {weight}",
            -1,
            "volume",
            "events_decayed",
            days,
        ),
    )


def _trend(short: int, long: int) -> HistoryFeature:
    return HistoryFeature(
        f"activity_trend_{short}d_{long}d",
        f"active_days_decayed_{short}d as a share of active_days_decayed_{long}d, 0 to 1{_NEVER}",
        -1,
        "trend",
        "activity_trend",
        long,
        scale=100,
        is_whole=True,
    )


def _of_measure(measure: Measure) -> tuple[HistoryFeature, HistoryFeature]:
    unit = measure.unit or measure.name.replace("_", " ")
    return (
        HistoryFeature(
            f"{measure.name}_decayed_30d",
            f"{unit}, each day counting half for every 30 days up to as_of_date",
            measure.churn_direction,
            measure.family,
            "decayed",
            30,
            measure,
        ),
        HistoryFeature(
            f"{measure.name}_trend_7d_30d",
            f"{unit} with a half-life of 7 days as a share of those with 30. NULL: there were none",
            measure.churn_direction,
            "trend",
            "trend",
            30,
            measure,
            scale=100,
            is_whole=True,
        ),
    )
