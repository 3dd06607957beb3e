"""How much each feature adds to a user's log-odds: contributions that sum, with a base, to what the model says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from churn_duck.errors import ModelError
from churn_duck.model.dataset import FeatureSchema, Matrix
from churn_duck.model.forest import Floats, Forest, read_forest, tree_nodes
from churn_duck.model.linear_sql import transformed
from churn_duck.model.onnx_model import INPUT, OnnxModel, session_over

Method = Literal["linear", "path", "shap"]
# users whose exact contributions are computed at a time, each with every way to every leaf
SHAP_ROWS = 32


class Explainer(Protocol):
    """Contributions of one model, and the method that its reasons name."""

    @property
    def method(self) -> Method: ...

    @property
    def base(self) -> float:
        """The log-odds that contributions start from."""

    def contributions(self, features: Matrix) -> Floats:
        """float64[N, F] for float32[N, F], both in the order of the schema."""


def explainer(model: OnnxModel) -> Explainer:
    """The fast one for a model. Raises: ModelError when it was trained before there were reasons."""
    told, terms = _told(model), model.metadata.get("linear")
    if told["trees"] is None:
        return _linear(model.metadata["linear"], told, model.schema)
    return Blended(_linear(terms, told, model.schema), _path(model)) if terms else _path(model)


def _told(model: OnnxModel) -> dict[str, Any]:
    told: dict[str, Any] | None = model.metadata.get("reasons")
    if told is None:
        raise ModelError(f"{model.version} was trained before scores had reasons; run: churn-duck train")
    return told


@dataclass(frozen=True)
class Linear:
    """Weight times distance from the mean; for a category, the level's weight less the mean weight.

    `terms` are the model's own, and say what happens to a number first. `levels` holds, for each category, the
    contribution of each level and last that of one that training never saw.
    """

    base: float
    terms: dict[str, Any]
    weights: Floats
    means: Floats
    levels: tuple[Floats, ...]
    method: Method = "linear"

    def contributions(self, features: Matrix) -> Floats:
        """See `Explainer`."""
        n_numeric = len(self.weights)
        found = np.empty(features.shape)
        numbers = features[:, :n_numeric].astype(np.float64)
        numbers[np.isnan(numbers)] = 0
        found[:, :n_numeric] = (transformed(self.terms, numbers) - self.means) * self.weights
        for position, own in enumerate(self.levels, n_numeric):
            codes, unseen = features[:, position], len(own) - 1
            found[:, position] = own[np.where((codes >= 0) & (codes < unseen), codes, unseen).astype(np.int64)]
        return found


def _linear(terms: dict[str, Any], told: dict[str, Any], schema: FeatureSchema) -> Linear:
    weights, means = np.array(terms["numeric"]), np.array(told["means"])
    base, levels = terms["base"] + float(weights @ means), []
    for own, shares in zip(terms["levels"], told["shares"], strict=True):
        mean = float(np.dot(own, shares))
        base += mean
        levels.append(np.array([*own, 0.0]) - mean)
    return Linear(base, terms, weights, means, tuple(levels))


@dataclass(frozen=True)
class Path:
    """Each step from root to leaf changes what a tree expects; the change is put down to the feature that was asked.

    All of it depends on the leaf alone. So onnxruntime finds the leaves, and the contributions of each pair of leaves
    of two neighbouring trees are looked up: `tables` is float64[ensembles, pairs of trees, leaves x leaves, F].
    """

    base: float
    leaves: onnxruntime.InferenceSession
    tables: Floats
    method: Method = "path"

    def contributions(self, features: Matrix) -> Floats:
        """See `Explainer`."""
        codes = self.leaves.run(None, {INPUT: features})[0]
        found, looked_up = np.zeros(features.shape), np.empty(features.shape)
        leaves = self.tables.shape[2]
        for ensemble, pairs in enumerate(self.tables):
            rest = codes[:, ensemble]
            for table in pairs:
                rest, place = np.divmod(rest, leaves)
                # clip, since with any other mode numpy copies what it was told to write to
                np.take(table, place, axis=0, out=looked_up, mode="clip")
                found += looked_up
        return found


def _path(model: OnnxModel) -> Path:
    forest = forest_of(model)
    radix, trees = int(forest.place.max()) + 1, int(forest.tree.max()) + 1
    tables = np.zeros((int(forest.ensemble.max()) + 1, -(-trees // 2), 2, radix, len(model.schema.names)))
    for step in range(forest.node.shape[1]):
        # steps that do nothing are of feature -1, and gain nothing there
        at = (forest.ensemble, forest.tree // 2, forest.tree % 2, forest.place, forest.feature[:, step])
        tables[at] += forest.gain[:, step]
    pairs = tables[:, :, 0, None] + tables[:, :, 1, :, None]
    base = _told(model)["trees"]["base"] + forest.expected
    shape = (*tables.shape[:2], radix**2, tables.shape[-1])
    return Path(base, _leaf_session(model, forest, radix), pairs.reshape(shape))


def forest_of(model: OnnxModel) -> Forest:
    """The trees in a model's graph."""
    return read_forest(model.proto.graph, _told(model)["trees"]["leaf_covers"])


def _leaf_session(model: OnnxModel, forest: Forest, radix: int) -> onnxruntime.InferenceSession:
    """The model's own trees, giving for each ensemble the places of its trees' leaves as digits to the base `radix`.

    Digits of a few trees are exact in a double: 31 leaves and 4 trees need 20 of its 53 bits.
    """
    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    trees = tree_nodes(proto.graph)
    for number, node in enumerate(trees):
        of = forest.ensemble == number
        digits = np.zeros(int(forest.leaf[of].max()) + 1)
        digits[forest.leaf[of]] = forest.place[of] * float(radix) ** forest.tree[of]
        _replace_weights(node, digits)
    proto.graph.node.append(helper.make_node("Concat", [node.output[0] for node in trees], ["codes"], axis=1))
    proto.graph.node.append(helper.make_node("Cast", ["codes"], ["leaves"], to=TensorProto.INT64))
    del proto.graph.output[:]
    proto.graph.output.append(helper.make_tensor_value_info("leaves", TensorProto.INT64, ["N", len(trees)]))
    return session_over(proto.SerializeToString(), model.schema, model.version)


def _replace_weights(node: onnx.NodeProto, weights: Floats) -> None:
    kept = [one for one in node.attribute if one.name != "leaf_weights"]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute("leaf_weights", numpy_helper.from_array(weights, "weights"))])


@dataclass(frozen=True)
class Shap:
    """Exact Shapley values of the trees, what is not known being averaged by the covers, as in path-dependent TreeSHAP.

    For one leaf the game is a product over the features on its way: 1 or 0 for one that is known, by whether the row
    follows it, else the share of the cover that does. So a value is an integral over t of the product of what remains
    when each feature is known with probability t: a polynomial, which Gauss-Legendre's points integrate exactly.
    """

    base: float
    n_numeric: int
    null_is_zero: bool
    forest: Forest
    method: Method = "shap"

    def contributions(self, features: Matrix) -> Floats:
        """See `Explainer`; some hundred times slower than paths."""
        parts = [self._exact(features[at : at + SHAP_ROWS]) for at in range(0, len(features), SHAP_ROWS)]
        return np.concatenate([np.empty((0, features.shape[1])), *parts])

    def _exact(self, features: Matrix) -> Floats:
        follows, share = self._players(features)
        gain = follows - share
        points, weights = np.polynomial.legendre.leggauss(-(-share.shape[1] // 2))
        integral = np.zeros(gain.shape)
        for t, weight in zip((points + 1) / 2, weights / 2, strict=True):
            remains = share + t * gain
            integral += weight * remains.prod(axis=2, keepdims=True) / remains
        values = self.forest.value[:, None] * gain * integral
        # the first column is that of steps that do nothing, of feature -1
        asked, n_features = self.forest.feature.ravel() + 1, features.shape[1]
        summed = [np.bincount(asked, row.ravel(), n_features + 1)[1:] for row in values]
        return np.stack(summed)

    def _players(self, features: Matrix) -> tuple[Floats, Floats]:
        """Whether each row [R] follows, and the share of the cover that does, for the features on each way [L, D].

        A feature that is asked several times on a way is one player, in the place where it is asked first.
        """
        forest, ways = self.forest, np.arange(len(self.forest.value))
        is_left = self._is_left(features)
        follows = np.ones((len(features), *forest.node.shape))
        share = np.ones(forest.node.shape)
        for step in range(forest.node.shape[1]):
            first = (forest.feature == forest.feature[:, step, None]).argmax(axis=1)
            # one that does nothing is followed by all, and stays of no effect
            idle = forest.feature[:, step] < 0
            follows[:, ways, first] *= idle | (is_left[:, forest.node[:, step]] == forest.is_left[:, step])
            share[ways, first] *= forest.share[:, step]
        return follows, share

    def _is_left(self, features: Matrix) -> npt.NDArray[np.bool_]:
        """The side that each row takes at each inner node, bool[R, M]."""
        filled = features.astype(np.float64)
        if self.null_is_zero:
            numbers = filled[:, : self.n_numeric]
            numbers[np.isnan(numbers)] = 0
        asked = filled[:, self.forest.split_feature]
        return (asked <= self.forest.split) | (np.isnan(asked) & self.forest.missing_is_left)


@dataclass(frozen=True)
class Blended:
    """The halves of a blend: contributions and bases add up. Its method is that of its trees."""

    linear: Linear
    trees: Path | Shap

    @property
    def method(self) -> Method:
        """See `Explainer`."""
        return self.trees.method

    @property
    def base(self) -> float:
        """See `Explainer`."""
        return self.linear.base + self.trees.base

    def contributions(self, features: Matrix) -> Floats:
        """See `Explainer`."""
        return self.linear.contributions(features) + self.trees.contributions(features)


def exact(model: OnnxModel) -> Explainer:
    """The exact one for a model; for a linear model that is the fast one."""
    fast = explainer(model)
    if isinstance(fast, Linear):
        return fast
    # files from before trees had a way for what is missing read it as 0
    null_is_zero = _told(model)["trees"].get("null_is_zero", True)
    base = fast.trees.base if isinstance(fast, Blended) else fast.base
    shap = Shap(base, len(model.schema.numeric), null_is_zero, forest_of(model))
    return Blended(fast.linear, shap) if isinstance(fast, Blended) else shap
