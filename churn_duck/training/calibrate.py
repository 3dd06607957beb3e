"""A sigmoid on a model's log-odds, chosen on later rows and kept only where still later ones show that it helps.

The rows that report, those of the test, choose nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from churn_duck.errors import ModelError
from churn_duck.evaluation.bootstrap import Users, interval, resampled_users
from churn_duck.evaluation.metrics import Codes, Vector, calibration_line, losses, sigmoid
from churn_duck.model.dataset import Rows
from churn_duck.training.estimators import PREDICTED_ROWS, Blend, Model, scaled

# users of each class, on either side, below which chance decides
LEAST_USERS = 20


@dataclass(frozen=True)
class Calibration:
    """Calibrated log-odds = slope * raw log-odds + intercept; `rows` said so."""

    slope: float
    intercept: float
    rows: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    def applied(self, log_odds: Vector) -> Vector:
        """The probability after calibration."""
        return sigmoid(self.slope * log_odds + self.intercept)


def fitted(log_odds: Vector, label: Vector) -> Calibration:
    """The sigmoid that fits these rows best.

    Raises: ModelError where it would turn the ranking round, or nothing can be fitted.
    """
    slope, intercept = calibration_line(sigmoid(log_odds), label)
    if not slope > 0:
        raise ModelError(f"higher scores went with less churn on the calibration rows (slope {slope:.2f})")
    return Calibration(slope, intercept, len(label))


def fold_in(trained: Model, calibration: Calibration) -> Model:
    """A copy of the model that says the calibrated probability itself; so does then its export."""
    slope, intercept = calibration.slope, calibration.intercept
    if isinstance(trained, Blend):
        return Blend(scaled(trained.linear, slope, intercept), scaled(trained.trees, slope, intercept))
    return scaled(trained, slope, intercept)


@dataclass(frozen=True)
class Check:
    """What a sigmoid does to rows of later dates: their log-loss before and after, and the gain's 95 % interval."""

    first_as_of_date: date
    last_as_of_date: date
    rows: int
    log_loss_before: float
    log_loss_after: float
    gain_low: float
    gain_high: float

    @property
    def helps(self) -> bool:
        """Beyond chance."""
        return self.gain_low > 0

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


@dataclass(frozen=True)
class Chosen:
    """The sigmoid of one kind of model; None where there is none, and `refused` says why.

    `first_as_of_date` and `last_as_of_date` are the dates that chose, `check` what later ones said of it.
    """

    calibration: Calibration | None
    refused: str = ""
    first_as_of_date: date | None = None
    last_as_of_date: date | None = None
    check: Check | None = None


def choose(raw: Vector, later: Rows, horizon: int, seed: int) -> Chosen:
    """The sigmoid for a model whose log-odds of the `later` rows are `raw`; it must not have learned from them.

    The earlier dates choose; the later ones, which begin after the last label of those, `horizon` days on, check.
    """
    day = later.keys["as_of_date"].to_physical().to_numpy().astype(np.int64)
    spans = _spans(np.unique(day), horizon)
    if spans is None:
        return Chosen(None, "too few training dates to choose a sigmoid on some and check it on later ones")
    last, first = spans
    choosing, checking = day <= last, day >= first
    for part in (choosing, checking):
        if Users.of(later.user[part], later.label[part]).rarer_class_users < LEAST_USERS:
            return Chosen(None, f"fewer than {LEAST_USERS} users of either class to choose or to check it on")
    dates = later.keys["as_of_date"].filter(choosing)
    try:
        calibration = fitted(raw[choosing], later.label[choosing])
    except ModelError as error:
        return Chosen(None, str(error), dates.min(), dates.max())  # type: ignore[arg-type]
    check = _checked(calibration, raw[checking], later.where(checking), seed)
    kept, why = (calibration, "") if check.helps else (None, _refusal(check))
    return Chosen(kept, why, dates.min(), dates.max(), check)  # type: ignore[arg-type]


def _spans(days: Codes, horizon: int) -> tuple[int, int] | None:
    """The last day that chooses and the first that checks, so that the smaller span has most days; None: no room."""
    best, spans = 0, None
    for chosen, last in enumerate(days, 1):
        later = days[days > last + horizon]
        if min(chosen, len(later)) > best:
            best, spans = min(chosen, len(later)), (int(last), int(later[0]))
    return spans


def _checked(calibration: Calibration, raw: Vector, rows: Rows, seed: int) -> Check:
    before, after = (losses(risk, rows.label)[0] for risk in (sigmoid(raw), calibration.applied(raw)))
    users = Users.of(rows.user, rows.label)
    gain = np.bincount(users.code, before - after, users.n)
    draws = resampled_users(lambda times: [float(times @ gain / (times @ users.rows))], users, seed)
    dates = rows.keys["as_of_date"]
    return Check(
        dates.min(),  # type: ignore[arg-type]
        dates.max(),  # type: ignore[arg-type]
        len(rows),
        float(before.mean()),
        float(after.mean()),
        *interval(draws[:, 0], users),
    )


def _refusal(check: Check) -> str:
    return (
        f"it does not help beyond chance on {check.first_as_of_date} to {check.last_as_of_date}: log-loss "
        f"{check.log_loss_before:.4f} without a sigmoid, {check.log_loss_after:.4f} with it "
        f"(gain {check.gain_low:+.4f} to {check.gain_high:+.4f})"
    )


def earlier_and_later(rows: Rows) -> tuple[Rows, Rows] | None:
    """The training rows of earlier dates, and those of later dates that judge what is learned from them; None: no room.

    Between them lies a purge, by the roles that `training_snapshots` gives.
    """
    parts = rows.where(rows.role == "fit"), rows.where(rows.role == "calibrate")
    return parts if _both_classes(*parts) else None


def other_users(rows: Rows) -> tuple[Rows, Rows] | None:
    """The rows of four users in five, and the later half of the days of the others."""
    day = rows.keys["as_of_date"].to_physical().to_numpy()
    is_held_out = rows.user % 5 == 0
    parts = rows.where(~is_held_out), rows.where(is_held_out & np.asarray(day >= np.median(np.unique(day))))
    return parts if _both_classes(*parts) else None


def _both_classes(*parts: Rows) -> bool:
    return all({0.0, 1.0} <= set(part.label) for part in parts)


def best_iterations(trained: Pipeline, later: Rows) -> int:
    """How many trees say most about later rows, by log-loss; the others are cut off. For the original recipe only."""
    classifier = trained.named_steps["classifier"]
    total = np.zeros(classifier.n_iter_)
    for at in range(0, len(later), PREDICTED_ROWS):
        part = slice(at, at + PREDICTED_ROWS)
        features = trained.named_steps["columns"].transform(later.features[part].astype(np.float64))
        for number, raw in enumerate(classifier.staged_decision_function(features)):
            total[number] += losses(sigmoid(np.ravel(raw)), later.label[part])[0].sum()
    kept = int(np.argmin(total)) + 1
    del classifier._predictors[kept:]
    return kept
