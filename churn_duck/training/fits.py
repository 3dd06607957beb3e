"""Base models fitted once for each part of the rows, blends composed of them, and what later rows choose."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sklearn.pipeline import Pipeline

from churn_duck.model.dataset import Rows
from churn_duck.progress import Progress
from churn_duck.settings.config import Calibration as CalibrationSettings
from churn_duck.settings.config import ModelName
from churn_duck.training.calibrate import Chosen, best_iterations, choose, earlier_and_later, other_users
from churn_duck.training.estimators import Blend, Learner, Model, log_odds


@dataclass(frozen=True)
class Fits:
    """Models of the same rows; each base model is fitted when it is first asked for, and never again."""

    learner: Learner
    rows: Rows
    progress: Progress
    _bases: dict[ModelName, Pipeline] = field(default_factory=dict)

    def model(self, name: ModelName) -> Model:
        """The trained model."""
        if name == "blend":
            return Blend(self.base("baseline_logreg"), self.base("candidate_hgb"))
        return self.base(name)

    def base(self, name: ModelName) -> Pipeline:
        """One of the two that a blend is made of."""
        if name not in self._bases:
            self.progress(f"{name}: fitting {len(self.rows):,} rows")
            self._bases[name] = self.learner.fit_base(name, self.rows.features, self.rows.label)
        return self._bases[name]


@dataclass(frozen=True)
class Judged:
    """Models of the earlier training rows, and the later rows that they have not seen."""

    fits: Fits
    later: Rows
    horizon: int

    def choose(self, name: ModelName) -> Chosen:
        """The sigmoid of a model; see `calibrate.choose`."""
        raw = log_odds(self.fits.model(name), self.later.features)
        return choose(raw, self.later, self.horizon, self.fits.learner.training.random_state)


def judged(learner: Learner, rows: Rows, horizon: int, progress: Progress) -> Judged | None:
    """None where the training dates have no room for earlier and, beyond a purge, later ones."""
    parts = earlier_and_later(rows)
    return Judged(Fits(learner, parts[0], progress), parts[1], horizon) if parts else None


def chosen_for(name: ModelName, judge: Judged | None, settings: CalibrationSettings) -> Chosen:
    """The sigmoid of a model, or why there is none."""
    if settings.method == "none":
        return Chosen(None, "calibration.method is none")
    if judge is None:
        return Chosen(None, "too few training dates or rows to choose a sigmoid on later ones")
    return judge.choose(name)


def with_iterations(learner: Learner, judge: Judged | None, rows: Rows, method: str, progress: Progress) -> Learner:
    """The learner with its number of trees; in the original recipe later rows choose it, or else other users."""
    if learner.training.recipe != "original" or method == "none":
        return learner
    if judge is not None:
        return replace(learner, iterations=best_iterations(judge.fits.base("candidate_hgb"), judge.later))
    parts = other_users(rows)
    if parts is None:
        return learner
    return replace(
        learner, iterations=best_iterations(Fits(learner, parts[0], progress).base("candidate_hgb"), parts[1])
    )
