"""The two pipelines, trained on the float32 matrix that the exported model will see."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from churn_duck.errors import ModelError
from churn_duck.model.dataset import FeatureSchema, Matrix
from churn_duck.settings.config import ModelName, Training

# trees of the boosting where nothing says that fewer are better
ITERATIONS = 250
# rows that are predicted at a time: the library's copies stay small
PREDICTED_ROWS = 100_000


def pipeline(name: ModelName, schema: FeatureSchema, training: Training, iterations: int = ITERATIONS) -> Pipeline:
    """The untrained pipeline over a matrix in the order of `schema`.

    The boosting reads the codes of levels as numbers, in the alphabetical order of the levels; a level that training
    never saw goes with the majority.
    """
    weights = "balanced" if training.imbalance_strategy == "class_weight" else None
    n_numeric = len(schema.numeric)
    zero = SimpleImputer(strategy="constant", fill_value=0.0, keep_empty_features=True, copy=False)
    if name == "baseline_logreg":
        numbers = make_pipeline(zero, StandardScaler(copy=False))
        codes = [np.arange(len(levels), dtype=np.float64) for _, levels in schema.categorical]
        levels = OneHotEncoder(categories=codes, handle_unknown="ignore", sparse_output=False)
        classifier = LogisticRegression(max_iter=2000, class_weight=weights)
    else:
        numbers, levels = make_pipeline(zero), "passthrough"
        classifier = HistGradientBoostingClassifier(
            learning_rate=0.08,
            max_depth=6,
            max_iter=iterations,
            class_weight=weights,
            early_stopping=False,
            random_state=training.random_state,
        )
    steps = [("number", numbers, slice(0, n_numeric)), ("category", levels, slice(n_numeric, None))]
    columns = ColumnTransformer(steps if schema.categorical else steps[:1], sparse_threshold=0)
    return Pipeline([("columns", columns), ("classifier", classifier)])


def fit(
    name: ModelName,
    schema: FeatureSchema,
    training: Training,
    features: Matrix,
    label: npt.ArrayLike,
    iterations: int = ITERATIONS,
) -> Pipeline:
    """The trained pipeline. Features are float32 numbers in float64 arithmetic, as in the exported graph.

    Raises: ModelError when there is only one class to learn.
    """
    classes = np.unique(np.asarray(label))
    if len(classes) < 2:
        what = "churns" if classes.size and classes[0] == 1 else "stays"
        raise ModelError(f"every one of the {len(features)} training rows {what}; there is nothing to tell apart")
    trained = pipeline(name, schema, training, iterations).fit(features.astype(np.float64), label)
    if training.imbalance_strategy == "class_weight":
        _take_weights_out(trained, float(np.asarray(label, dtype=np.float64).mean()))
    return trained


def _take_weights_out(trained: Pipeline, base_rate: float) -> None:
    """Balanced weights make the odds of churning (1 - base rate) / base rate times too high: shift them back."""
    classifier, shift = trained.named_steps["classifier"], np.log((1 - base_rate) / base_rate)
    if hasattr(classifier, "intercept_"):
        classifier.intercept_ = classifier.intercept_ - shift
    else:
        classifier._baseline_prediction = classifier._baseline_prediction - shift


def log_odds(model: Pipeline, features: Matrix) -> npt.NDArray[np.float64]:
    """ln(p / (1 - p)) of churn by the training library, float64[N]."""
    starts = range(0, len(features), PREDICTED_ROWS)
    parts = [np.ravel(model.decision_function(features[at : at + PREDICTED_ROWS].astype(np.float64))) for at in starts]
    return np.concatenate(parts) if parts else np.empty(0)


def risk(model: Pipeline, features: Matrix) -> npt.NDArray[np.float64]:
    """Probability of churn by the training library, float64[N]."""
    starts = range(0, len(features), PREDICTED_ROWS)
    parts = [model.predict_proba(features[at : at + PREDICTED_ROWS].astype(np.float64))[:, 1] for at in starts]
    return np.concatenate(parts) if parts else np.empty(0)
