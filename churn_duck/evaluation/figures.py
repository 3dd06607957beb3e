"""Types of the figures that an evaluation hands on: to `metrics.json`, to the model card and to the command line."""

from __future__ import annotations

from datetime import date, datetime
from typing import TypedDict, cast

from churn_duck.model.registry import Version

# low and high end of a 95 % interval
Interval = list[float]

# precision and lift among the first users of the lists; `capacity` is that of every test date's own list
TopFigures = TypedDict(
    "TopFigures",
    {
        "precision_capacity": float,
        "lift_capacity": float,
        "precision_top_1%": float,
        "lift_top_1%": float,
        "precision_top_5%": float,
        "lift_top_5%": float,
        "precision_top_10%": float,
        "lift_top_10%": float,
    },
)


class RankingFigures(TopFigures):
    """A scorer that ranks: the recency rule. `intervals` are by metric; empty where there are none."""

    pr_auc: float
    roc_auc: float
    intervals: dict[str, Interval]


class ProbabilityFigures(RankingFigures):
    """A scorer whose scores are probabilities: the base rate. Log-loss is in natural logarithms."""

    log_loss: float
    brier: float


class RiskFigures(ProbabilityFigures):
    """A scorer with a calibration line: the model, before or after its calibration."""

    ece: float
    slope: float
    intercept: float


class Tenth(TypedDict):
    """A tenth of the test rows by risk, 1 (lowest) to 10."""

    tenth: int
    rows: int
    mean_risk: float
    churn_rate: float


class Figures(RiskFigures):
    """The figures of one population: the calibrated model's own, and beside them those of the other scorers.

    `intervals_of_rows` are those of churn_rate and silent_churners; `reliability` is by scorer, model and raw.
    """

    rows: int
    users: int
    churn_rate: float
    silent_churners: float
    pr_auc_gain: float
    roc_auc_gain: float
    intervals_of_rows: dict[str, Interval]
    raw: RiskFigures
    recency_rule: RankingFigures
    base_rate: ProbabilityFigures
    beats_recency_rule: bool
    reliability: dict[str, list[Tenth]]


class ClassReport(TypedDict):
    """Precision, recall and F1 of one class at a threshold of 0.5; None: undefined."""

    precision: float | None
    recall: float | None
    f1: float | None
    support: int


class CurvePoint(TypedDict):
    """A point of the precision-recall curve."""

    threshold: float
    precision: float
    recall: float


class ThresholdFigures(TypedDict):
    """The eligible rows at a threshold of 0.5: `confusion_matrix[label][prediction]`; reports by class, "0" and "1"."""

    confusion_matrix: list[list[int]]
    classification_report: dict[str, ClassReport]
    pr_curve: list[CurvePoint]


class SplitRows(TypedDict):
    """The rows and the snapshot dates, as ISO dates, of one part of the split."""

    rows: int
    churn_rate: float
    first_as_of_date: str
    last_as_of_date: str
    last_label_date: str
    snapshots: int


class SigmoidFigures(TypedDict):
    """The calibration: risk = sigmoid(slope * log-odds + intercept), and the rows that it was fit on."""

    slope: float
    intercept: float
    rows: int


class CalibrationFigures(TypedDict):
    """The calibration and its ISO dates, None without any; `sigmoid` None: not calibrated, `refused` says why."""

    iterations: int
    sigmoid: SigmoidFigures | None
    refused: str
    held_out: str
    first_as_of_date: str | None
    last_as_of_date: str | None
    last_label_date: str | None
    snapshots: int


class Parity(TypedDict):
    """Largest difference of each exported file to the training library, and the most that is accepted."""

    evaluated: float
    shipped: float
    gate: float


class VersionMetrics(ThresholdFigures):
    """The content of a version's `metrics.json`; pr_auc and roc_auc are those of the eligible rows."""

    model_version: str
    model: str
    as_of_date: str
    settings: dict[str, dict[str, object]]
    train: SplitRows
    test: SplitRows
    shipped: SplitRows
    user_share: float
    first_event_date: str
    calibration: CalibrationFigures
    parity: Parity
    test_digest: str
    primary_metric: str
    capacity: int
    pr_auc: float
    roc_auc: float
    eligible: Figures
    all: Figures


def metrics_of(version: Version) -> VersionMetrics:
    """The metrics of a registered version, typed."""
    return cast(VersionMetrics, version.metrics)


class Slice(TypedDict):
    """A row of the view `slices`; `roc_auc` None: one class is absent."""

    sliced_by: str
    place: int
    slice: str
    test_rows: int
    test_users: int
    churners: int
    mean_risk: float
    churn_rate: float
    gap: float
    gap_low: float
    gap_high: float
    roc_auc: float | None
    ece: float
    is_small: bool


class SplitRow(TypedDict):
    """A row of the table `model_splits`; `calibration_role` None: not a training date, or nothing was calibrated."""

    model_version: str
    as_of_date: date
    label_end_date: date
    split: str
    calibration_role: str | None


class PromotionRow(TypedDict):
    """A row of the table `promotions`; None where nothing was compared, and after a rollback."""

    promoted_at: datetime
    model_version: str
    previous_version: str | None
    as_of_date: date | None
    primary_metric: str | None
    metric_value: float | None
    previous_value: float | None
    gain_low: float | None
    gain_high: float | None
    chance_better: float | None
    margin: float | None
    confidence: float | None
    test_rows: int | None
    reason: str
    log_loss: float | None
    ece: float | None
    parity: float | None
