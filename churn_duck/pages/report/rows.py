"""Rows and content of the report; a row has the columns of its view, and docs/views.md has units and NULLs."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NotRequired, TypedDict

from churn_duck.monitoring.rows import DriftHistoryRow, PerformanceHistoryRow


class ScoredDay(TypedDict):
    """A row of `scored_days`."""

    as_of_date: date
    model_version: str
    scored_at: datetime
    scored_users: int
    mean_risk: float
    earlier_date: date | None
    earlier_model_version: str | None


class BandRow(TypedDict):
    """A row of `risk_bands`."""

    as_of_date: date
    band: str
    place: int
    from_risk: float
    band_users: int
    user_share: float
    expected_churners: float | None
    model_version: str


class MoveRow(TypedDict):
    """A row of `band_moves`."""

    as_of_date: date
    earlier_date: date
    earlier_band: str
    band: str
    movement: str
    moved_users: int
    mean_risk_change: float | None


class RiserReason(TypedDict):
    """A row of `riser_reasons`."""

    as_of_date: date
    feature: str
    rising_users: int
    risers: int
    example: str


class VolumeRow(TypedDict):
    """A row of `daily_volume`."""

    as_of_date: date
    total_events: int
    active_users: int


class RuleRow(TypedDict):
    """A row of `validation_report`."""

    rule: str
    verdict: str
    offences: int
    examples: list[str] | None


class Health(TypedDict):
    """The state of the data; the dashboard shows rules and last event only."""

    last_event_date: date
    rules: list[RuleRow]
    landings: NotRequired[list[dict[str, Any]]]
    days: NotRequired[list[VolumeRow]]
    runs: NotRequired[list[dict[str, Any]]]


class Headline(TypedDict):
    """A question with its answer; `grade` is good, fair, bad, plain or none."""

    question: str
    grade: str
    answer: str
    because: str


class Evidence(TypedDict):
    """What headlines, notes and empty sections are derived from, in the report and in the dashboard."""

    as_of_date: date
    is_invented: bool
    production: str | None
    scored: ScoredDay | None
    churn_window_days: int
    bands: list[BandRow]
    drift: list[DriftHistoryRow]
    performance: list[PerformanceHistoryRow]
    health: Health


class Gathered(Evidence):
    """All figures of the report. A row of `ranked` has the columns of `ranked_users`, attributes included."""

    active_within_days: int | None
    high_risk_threshold: float
    words: list[str]
    ranked: list[dict[str, Any]]
    moves: list[MoveRow]
    riser_reasons: list[RiserReason]


class ReportContent(Gathered):
    """The content of the page, JSON-ready."""

    headlines: list[Headline]
    empty: dict[str, str]
    notes: list[str]
