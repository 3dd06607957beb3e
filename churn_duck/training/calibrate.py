"""How far to trust a model's log-odds: a sigmoid and a number of trees, chosen on later rows that it has not seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline

from churn_duck.errors import ModelError
from churn_duck.evaluation.metrics import Vector, calibration_error, calibration_line, losses, sigmoid
from churn_duck.model.dataset import FeatureSchema, Rows
from churn_duck.settings.config import ModelName, Training
from churn_duck.training.estimators import ITERATIONS, PREDICTED_ROWS, fit, log_odds


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


def fold_in(trained: Pipeline, calibration: Calibration) -> Pipeline:
    """Change a trained pipeline so that it says the calibrated probability itself; so does then its export."""
    classifier, slope = trained.named_steps["classifier"], calibration.slope
    if hasattr(classifier, "coef_"):
        classifier.coef_ = classifier.coef_ * slope
        classifier.intercept_ = classifier.intercept_ * slope + calibration.intercept
        return trained
    for (predictor,) in classifier._predictors:
        predictor.nodes["value"] *= slope
    classifier._baseline_prediction = classifier._baseline_prediction * slope + calibration.intercept
    return trained


@dataclass(frozen=True)
class Chosen:
    """What later rows chose for one kind of model, and what a model that had not seen them said of them.

    `calibration` is None where nothing is to be calibrated, and `refused` says why; `held_out` says which rows chose;
    `log_odds` and `label` are theirs, float64[N].
    """

    iterations: int
    calibration: Calibration | None
    log_odds: Vector
    label: Vector
    refused: str = ""
    held_out: str = ""

    def refusing(self, why: str) -> Chosen:
        """The same without a calibration."""
        return replace(self, calibration=None, refused=why)


def choose(name: ModelName, schema: FeatureSchema, training: Training, rows: Rows, method: str = "sigmoid") -> Chosen:
    """Number of trees and sigmoid from later rows, by a model that learned from the purged rows before them.

    Where the history has no room for a purge, from the later days of a fifth of the users, by a model of the others.
    """
    if method == "none":
        return Chosen(ITERATIONS, None, np.empty(0), np.empty(0), "calibration.method is none")
    is_fit, is_later, held_out = rows.role == "fit", rows.role == "calibrate", "later days"
    if not is_fit.any():
        is_held_out, held_out = rows.user % 5 == 0, "other users"
        is_fit, is_later = ~is_held_out, is_held_out & _is_late(rows)
    fit_rows, later = rows.where(is_fit), rows.where(is_later)
    if not {0.0, 1.0} <= set(fit_rows.label) & set(later.label):
        return Chosen(ITERATIONS, None, np.empty(0), np.empty(0), "too few rows are left to calibrate on")
    trained = fit(name, schema, training, fit_rows.features, fit_rows.label)
    iterations = _shortened(trained, later)
    said = log_odds(trained, later.features)
    try:
        sigmoid_of_them = fitted(said, later.label)
    except ModelError as error:
        return Chosen(iterations, None, said, later.label, str(error), held_out)
    return Chosen(iterations, sigmoid_of_them, said, later.label, "", held_out)


def _is_late(rows: Rows) -> npt.NDArray[np.bool_]:
    """The later half of the days."""
    day = rows.keys["as_of_date"].to_physical().to_numpy()
    return np.asarray(day >= np.median(np.unique(day)))


def _shortened(trained: Pipeline, later: Rows) -> int:
    """Keep the trees that say most about later rows, by log-loss; how many. A model without trees stays as it is."""
    classifier = trained.named_steps["classifier"]
    if not hasattr(classifier, "staged_decision_function"):
        return ITERATIONS
    total = np.zeros(classifier.n_iter_)
    for at in range(0, len(later), PREDICTED_ROWS):
        part = slice(at, at + PREDICTED_ROWS)
        features = trained.named_steps["columns"].transform(later.features[part].astype(np.float64))
        for number, raw in enumerate(classifier.staged_decision_function(features)):
            total[number] += losses(sigmoid(np.ravel(raw)), later.label[part])[0].sum()
    kept = int(np.argmin(total)) + 1
    del classifier._predictors[kept:]
    return kept


def accepted(chosen: Chosen, raw: Vector, label: Vector) -> Chosen:
    """`chosen`, without its calibration where that makes the ECE on held-out rows worse; `raw` are their log-odds."""
    if chosen.calibration is None:
        return chosen
    before, after = calibration_error(sigmoid(raw), label), calibration_error(chosen.calibration.applied(raw), label)
    if after <= before:
        return chosen
    return chosen.refusing(f"ECE on the test rows would be {after:.4f}, and is {before:.4f} without it")


def on_all_evidence(chosen: Chosen, raw: Vector, label: Vector) -> Calibration | None:
    """The sigmoid of the model that is shipped, from calibration and test rows, each held out when it was scored.

    None where the evaluated model has none.
    """
    if chosen.calibration is None:
        return None
    try:
        return fitted(np.concatenate([chosen.log_odds, raw]), np.concatenate([chosen.label, label]))
    except ModelError:
        # both together may rank the wrong way round where one alone does not: what was evaluated stays
        return chosen.calibration
