"""The models of both recipes, trained on the float32 matrix that the exported graph will read."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from churn_duck.errors import ModelError
from churn_duck.model.dataset import FeatureSchema, Matrix
from churn_duck.model.linear_sql import signed_log
from churn_duck.settings.config import ModelName, Training

# trees of the boosting; the original recipe keeps as many of its trees as help on later rows
ITERATIONS = {"default": 100, "original": 250}
# a leaf holds this many rows, and with few rows at least this share of them
LEAF_ROWS, LEAF_SHARE = 100, 1 / 20
# rows that are predicted at a time: the library's copies stay small
PREDICTED_ROWS = 100_000


@dataclass(frozen=True)
class Blend:
    """Two trained models; its log-odds are the mean of theirs."""

    linear: Pipeline
    trees: Pipeline


Model: TypeAlias = Pipeline | Blend


@dataclass(frozen=True)
class Learner:
    """What decides a model beside its rows.

    `directions` says of a feature whether more of it may only raise (+1) or only lower (-1) the risk of the boosting;
    `iterations` is the number of trees. None: as many as the recipe says.
    """

    schema: FeatureSchema
    training: Training
    directions: Mapping[str, int] = field(default_factory=dict)
    iterations: int | None = None

    @property
    def trees(self) -> int:
        """The number of trees of the boosting."""
        return self.iterations or ITERATIONS[self.training.recipe]

    def fit(self, name: ModelName, features: Matrix, label: npt.ArrayLike) -> Model:
        """The trained model. Features are float32 numbers in float64 arithmetic, as in the exported graph.

        Raises: ModelError when there is only one class to learn.
        """
        if name == "blend":
            return Blend(*(self.fit_base(base, features, label) for base in ("baseline_logreg", "candidate_hgb")))
        return self.fit_base(name, features, label)

    def fit_base(self, name: str, features: Matrix, label: npt.ArrayLike) -> Pipeline:
        """One of the two models that are no blend."""
        classes = np.unique(np.asarray(label))
        if len(classes) < 2:
            what = "churns" if classes.size and classes[0] == 1 else "stays"
            raise ModelError(f"every one of the {len(features)} training rows {what}; there is nothing to tell apart")
        numbers = features.astype(np.float64)
        if name == "baseline_logreg":
            trained = self._linear().fit(numbers, label)
        else:
            # the library cannot bin a column without a value; constant ones are never asked, so this changes no score
            numbers[:, np.isnan(numbers).all(axis=0)] = 0
            trained = self._boosting(len(features)).fit(numbers, label)
        if self.training.imbalance_strategy == "class_weight":
            _take_weights_out(trained, float(np.asarray(label, dtype=np.float64).mean()))
        return trained

    def _linear(self) -> Pipeline:
        """Logistic regression on numbers of which the default recipe takes the logarithm, and on levels."""
        is_original = self.training.recipe == "original"
        scaled = [_zero(), *([] if is_original else [FunctionTransformer(signed_log)]), StandardScaler(copy=False)]
        codes = [np.arange(len(levels), dtype=np.float64) for _, levels in self.schema.categorical]
        levels = OneHotEncoder(categories=codes, handle_unknown="ignore", sparse_output=False)
        classifier = LogisticRegression(C=1.0 if is_original else 0.05, max_iter=2000, class_weight=self._weights)
        return self._over_columns(make_pipeline(*scaled), levels, classifier)

    def _boosting(self, rows: int) -> Pipeline:
        """Boosted trees, which read the codes of levels as numbers, in the alphabetical order of the levels.

        A level that training never saw goes with the majority; so does, by default, a number that was never missing.
        """
        common = {
            "max_iter": self.trees,
            "class_weight": self._weights,
            "early_stopping": False,
            "random_state": self.training.random_state,
        }
        if self.training.recipe == "original":
            classifier = HistGradientBoostingClassifier(learning_rate=0.08, max_depth=6, **common)
            return self._over_columns(make_pipeline(_zero()), "passthrough", classifier)
        classifier = HistGradientBoostingClassifier(
            learning_rate=0.05,
            max_leaf_nodes=8,
            min_samples_leaf=max(1, min(LEAF_ROWS, int(LEAF_SHARE * rows))),
            l2_regularization=10.0,
            monotonic_cst=[self.directions.get(name, 0) for name in self.schema.numeric]
            + [0] * len(self.schema.categorical),
            **common,
        )
        return self._over_columns("passthrough", "passthrough", classifier)

    @property
    def _weights(self) -> str | None:
        return "balanced" if self.training.imbalance_strategy == "class_weight" else None

    def _over_columns(self, numbers: Any, levels: Any, classifier: Any) -> Pipeline:
        n_numeric = len(self.schema.numeric)
        steps = [("number", numbers, slice(0, n_numeric)), ("category", levels, slice(n_numeric, None))]
        columns = ColumnTransformer(steps if self.schema.categorical else steps[:1], sparse_threshold=0)
        return Pipeline([("columns", columns), ("classifier", classifier)])


def _zero() -> SimpleImputer:
    return SimpleImputer(strategy="constant", fill_value=0.0, keep_empty_features=True, copy=False)


def fit(
    name: ModelName,
    schema: FeatureSchema,
    training: Training,
    features: Matrix,
    label: npt.ArrayLike,
    iterations: int | None = None,
) -> Model:
    """A trained model without directions; see `Learner.fit`."""
    return Learner(schema, training, iterations=iterations).fit(name, features, label)


def _take_weights_out(trained: Pipeline, base_rate: float) -> None:
    """Balanced weights make the odds of churning (1 - base rate) / base rate times too high: shift them back."""
    _rescale(trained, 1.0, -float(np.log((1 - base_rate) / base_rate)))


def scaled(trained: Pipeline, slope: float, intercept: float = 0.0) -> Pipeline:
    """A copy whose log-odds are `slope` times those of `trained` plus `intercept`."""
    copy = deepcopy(trained)
    _rescale(copy, slope, intercept)
    return copy


def _rescale(trained: Pipeline, slope: float, intercept: float) -> None:
    classifier = trained.named_steps["classifier"]
    if hasattr(classifier, "coef_"):
        classifier.coef_ = classifier.coef_ * slope
        classifier.intercept_ = classifier.intercept_ * slope + intercept
        return
    for (predictor,) in classifier._predictors:
        predictor.nodes["value"] *= slope
    classifier._baseline_prediction = classifier._baseline_prediction * slope + intercept


def summands(model: Model) -> tuple[Pipeline | None, Pipeline | None]:
    """The linear pipeline and the trees whose log-odds add up to the model's; None where it has none of the kind."""
    if isinstance(model, Blend):
        # exact: halving a double changes its exponent only
        return scaled(model.linear, 0.5), scaled(model.trees, 0.5)
    return (model, None) if hasattr(model.named_steps["classifier"], "coef_") else (None, model)


def log_odds(model: Model, features: Matrix) -> npt.NDArray[np.float64]:
    """ln(p / (1 - p)) of churn by the training library, float64[N]."""
    if isinstance(model, Blend):
        return 0.5 * (log_odds(model.linear, features) + log_odds(model.trees, features))
    starts = range(0, len(features), PREDICTED_ROWS)
    parts = [np.ravel(model.decision_function(features[at : at + PREDICTED_ROWS].astype(np.float64))) for at in starts]
    return np.concatenate(parts) if parts else np.empty(0)


def risk(model: Model, features: Matrix) -> npt.NDArray[np.float64]:
    """Probability of churn by the training library, float64[N]."""
    if isinstance(model, Blend):
        return np.asarray(0.5 * (1 + np.tanh(0.5 * log_odds(model, features))))
    starts = range(0, len(features), PREDICTED_ROWS)
    parts = [model.predict_proba(features[at : at + PREDICTED_ROWS].astype(np.float64))[:, 1] for at in starts]
    return np.concatenate(parts) if parts else np.empty(0)
