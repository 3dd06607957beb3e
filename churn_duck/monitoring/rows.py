"""The rows of the monitoring views, typed; `sql/70_monitoring` says what each column means and when it is NULL."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, TypedDict

Metric = Literal["pr_auc", "churn_rate"]
Status = Literal["OK", "WARN", "FAIL"]


class RealisedDay(TypedDict):
    """A row of `realised_performance`."""

    as_of_date: date
    model_version: str
    scored_at: datetime
    matures_on: date
    days_until_mature: int
    scored_users: int
    matured_users: int
    missing_users: int
    churners: int | None
    churn_rate: float | None
    mean_risk: float
    pr_auc: float | None
    roc_auc: float | None
    log_loss: float | None
    brier: float | None
    ece: float | None
    precision_at_k: float | None
    lift_at_k: float | None
    recency_pr_auc: float | None
    recency_roc_auc: float | None
    recency_lift_at_k: float | None
    expected_churn_rate: float | None
    expected_pr_auc: float | None
    expected_roc_auc: float | None
    expected_log_loss: float | None
    expected_brier: float | None
    expected_ece: float | None
    expected_lift_at_k: float | None


class RealisedInterval(TypedDict):
    """A 95 % interval of `realised_intervals`."""

    as_of_date: date
    model_version: str
    metric: str
    low: float
    high: float


class ReliabilityTenth(TypedDict):
    """A row of `realised_reliability`."""

    as_of_date: date
    model_version: str
    tenth: int
    matured_users: int
    mean_risk: float
    churn_rate: float


class EstimateRecord(TypedDict):
    """A row of `expected_performance_record`."""

    as_of_date: date
    model_version: str
    metric: Metric
    estimate: float
    low: float
    high: float
    made_at: datetime
    matures_on: date
    realised: float | None
    is_covered: bool | None
    matured_so_far: int
    covered_so_far: int
    coverage_so_far: float | None


class EstimateEvidence(TypedDict):
    """A row of `expected_performance_evidence`."""

    as_of_date: date
    model_version: str
    mean_risk: float
    lowest_mean_risk: float | None
    highest_mean_risk: float | None
    test_dates: int | None
    test_windows: int | None
    test_ece: float | None
    is_calibrated: bool | None
    model_age_days: int | None


class PerformanceFigures(TypedDict):
    """The figures of the performance report, all up to the evening of `as_of_date`."""

    as_of_date: date
    top_k: int
    dates: list[RealisedDay]
    intervals: list[RealisedInterval]
    reliability: list[ReliabilityTenth]
    estimates: list[EstimateRecord]
    evidence: list[EstimateEvidence]
    other_horizon_scorings: int


class PerformanceReport(PerformanceFigures):
    """`reports/performance_latest.json`: the figures, and the sentences about them."""

    remarks: list[str]
    doubts: list[str]


class PerformanceHistoryRow(TypedDict):
    """A row of `performance_history`, which the pages show."""

    as_of_date: date
    metric: Metric
    model_version: str
    matures_on: date
    days_until_mature: int
    scored_users: int
    matured_users: int
    expected: float | None
    estimate: float | None
    estimate_low: float | None
    estimate_high: float | None
    realised: float | None
    realised_low: float | None
    realised_high: float | None
    recency_rule: float | None
    gain_low: float | None


class DriftHistoryRow(TypedDict):
    """A row of `drift_history`, which the pages show."""

    as_of_date: date
    name: str
    kind: str
    model_version: str
    verdict: Status | None
    severity: int
    psi: float | None
    floor_psi: float | None
    message: str


class DriftVerdictRow(TypedDict):
    """A verdict as the drift report lists it."""

    name: str
    kind: str
    verdict: Status | None
    psi: float | None
    floor_psi: float | None
    message: str


class DriftReference(TypedDict):
    """The training rows that a day is compared with."""

    first_as_of_date: date
    last_as_of_date: date
    users: int


class DriftReport(TypedDict):
    """`reports/data_drift_latest.json`."""

    status: Status
    overall_max_psi: float | None
    psi_by_feature: dict[str, float]
    baseline: str
    current: str
    as_of_date: date
    model_version: str
    reference: DriftReference
    failed: list[str]
    warned: list[str]
    verdicts: list[DriftVerdictRow]
