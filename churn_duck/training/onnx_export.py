"""A trained model as an ONNX graph in double arithmetic, and its proof against the training library.

skl2onnx converts the same pipelines within 4e-7 on a real log (docs/decisions.md): it rounds weights and thresholds to
float32, close to the gate of 1e-6. The graphs here keep the library's own doubles and agree to about 1e-15.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn import config_context

from churn_duck.errors import ModelError
from churn_duck.model.dataset import FeatureSchema, Matrix
from churn_duck.model.linear_sql import SIGNED_LOG
from churn_duck.model.onnx_model import INPUT, LOG_ODDS, OUTPUT, PARITY_GATE, OnnxModel
from churn_duck.training.estimators import PREDICTED_ROWS, Model, risk, summands
from churn_duck.training.model_terms import linear_terms, null_is_zero

OPSETS = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
IR_VERSION = 10
TREES_AT_ONCE = 4
_BRANCH_LEQ, _SUM = 0, 1


class _Graph:
    """Nodes and constants under construction; each method returns the name of what it adds."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float64) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output


def to_onnx(model: Model, schema: FeatureSchema, metadata: dict[str, str]) -> bytes:
    """The model as a serialized graph: `features` float32[N, F] to `log_odds` and `churn_risk`, float64[N, 1].

    A blend adds up both halves of its log-odds.
    """
    graph, terms, (_, trees) = _Graph(), linear_terms(model, schema), summands(model)
    filled = _filled(graph, schema) if terms or (trees and null_is_zero(trees)) else ""
    parts = _weighted(graph, filled, terms, schema) if terms else []
    if trees:
        given = filled if null_is_zero(trees) else graph.node("Cast", [INPUT], "given", to=TensorProto.DOUBLE)
        parts += _grown(graph, given, trees.named_steps["classifier"])
    graph.node("Sum", parts, LOG_ODDS)
    graph.node("Sigmoid", [LOG_ODDS], OUTPUT)
    return bytes(_model(graph, schema, metadata).SerializeToString())


def _filled(graph: _Graph, schema: FeatureSchema) -> str:
    """The matrix in double, zero for NaN in numbers; codes keep theirs."""
    fill = [0.0] * len(schema.numeric) + [np.nan] * len(schema.categorical)
    is_missing = graph.node("IsNaN", [INPUT], "is_missing")
    filled = graph.node("Where", [is_missing, graph.constant("fill", fill, np.float32), INPUT], "filled_float")
    return graph.node("Cast", [filled], "filled", to=TensorProto.DOUBLE)


def _signed_log(graph: _Graph, numbers: str) -> str:
    """sign(x) ln(1 + |x|) of each number."""
    size = graph.node("Abs", [numbers], "size")
    grown = graph.node("Sum", [size, graph.constant("one", 1.0)], "size_and_one")
    return graph.node("Mul", [graph.node("Sign", [numbers], "sign"), graph.node("Log", [grown], "log")], "signed_log")


def _weighted(graph: _Graph, filled: str, terms: dict[str, Any], schema: FeatureSchema) -> list[str]:
    """Numbers times weights that have the scaling in them, the weight of each category's level, and the intercept."""
    n_numeric = len(schema.numeric)
    axis, edge = graph.constant("axis", [1], np.int64), graph.constant("edge", [n_numeric], np.int64)
    numbers = graph.node("Slice", [filled, graph.constant("start", [0], np.int64), edge, axis], "numbers")
    if terms["transform"] == SIGNED_LOG:
        numbers = _signed_log(graph, numbers)
    weights = graph.constant("weights", np.reshape(terms["numeric"], (-1, 1)))
    parts = [graph.node("MatMul", [numbers, weights], "weighted_sum"), graph.constant("base", [terms["base"]])]
    for position, (name, levels) in enumerate(schema.categorical):
        column = graph.constant(f"column_{name}", [n_numeric + position], np.int64)
        code = graph.node("Gather", [filled, column], f"code_{name}", axis=1)
        known = _known(graph, code, name, len(levels))
        # the last weight is that of a level that training never saw
        table = graph.constant(f"weights_{name}", [*terms["levels"][position], 0.0])
        parts.append(graph.node("Gather", [table, known], f"weight_{name}"))
    return parts


def _known(graph: _Graph, code: str, name: str, n_levels: int) -> str:
    """A code as the place in a table of weights; NaN and what is no code as the place after the last level."""
    last = graph.constant(f"last_{name}", float(n_levels - 1))
    is_low = graph.node("LessOrEqual", [code, last], f"is_low_{name}")
    is_high = graph.node("GreaterOrEqual", [code, graph.constant(f"first_{name}", 0.0)], f"is_high_{name}")
    is_known = graph.node("And", [is_low, is_high], f"is_known_{name}")
    place = graph.node("Where", [is_known, code, graph.constant(f"unseen_{name}", float(n_levels))], f"place_{name}")
    return graph.node("Cast", [place], f"index_{name}", to=TensorProto.INT64)


def _grown(graph: _Graph, filled: str, classifier: Any) -> list[str]:
    """The sum of a few trees at a time, and the base.

    A few trees stay in the processor's nearest cache while all rows of a batch go through them: nearly twice as fast as
    all trees in one ensemble, through which one row goes after another.
    """
    parts = [graph.constant("trees_base", np.ravel(classifier._baseline_prediction))]
    predictors = classifier._predictors
    for first in range(0, len(predictors), TREES_AT_ONCE):
        trees = _trees(predictors[first : first + TREES_AT_ONCE])
        parts.append(graph.node("TreeEnsemble", [filled], f"trees_{first}", domain="ai.onnx.ml", **trees))
    return parts


def _trees(predictors: list[Any]) -> dict[str, Any]:
    """Boosted trees as TreeEnsemble attributes: inner nodes and leaves are numbered apart."""
    nodes: dict[str, list[Any]] = {
        key: [] for key in ("features", "splits", "true_ids", "true_leafs", "false_ids", "false_leafs", "missing")
    }
    roots: list[int] = []
    leaf_values: list[float] = []
    for (predictor,) in predictors:
        roots.append(len(nodes["features"]))
        _append_tree(predictor.nodes, nodes, leaf_values)
    return {
        "n_targets": 1,
        "aggregate_function": _SUM,
        "post_transform": 0,
        "tree_roots": roots,
        "nodes_featureids": nodes["features"],
        "nodes_splits": numpy_helper.from_array(np.array(nodes["splits"], np.float64), "splits"),
        "nodes_modes": numpy_helper.from_array(np.full(len(nodes["splits"]), _BRANCH_LEQ, np.uint8), "modes"),
        "nodes_truenodeids": nodes["true_ids"],
        "nodes_trueleafs": nodes["true_leafs"],
        "nodes_falsenodeids": nodes["false_ids"],
        "nodes_falseleafs": nodes["false_leafs"],
        "nodes_missing_value_tracks_true": nodes["missing"],
        "leaf_targetids": [0] * len(leaf_values),
        "leaf_weights": numpy_helper.from_array(np.array(leaf_values, np.float64), "weights"),
    }


def _append_tree(tree: npt.NDArray[Any], nodes: dict[str, list[Any]], leaf_values: list[float]) -> None:
    is_leaf = tree["is_leaf"].astype(bool)
    if is_leaf[0]:
        # a tree without a split: ONNX wants a node, so both of its sides are the same leaf
        leaf_values.append(float(tree["value"][0]))
        _append_node(nodes, 0, 0.0, (len(leaf_values) - 1, 1), (len(leaf_values) - 1, 1), 1)
        return
    first_node, first_leaf = len(nodes["features"]), len(leaf_values)
    ids = np.where(is_leaf, first_leaf + np.cumsum(is_leaf) - 1, first_node + np.cumsum(~is_leaf) - 1)
    leaf_values.extend(float(value) for value in tree["value"][is_leaf])
    for node in tree[~is_leaf]:
        sides = [(int(ids[child]), int(is_leaf[child])) for child in (node["left"], node["right"])]
        _append_node(
            nodes,
            int(node["feature_idx"]),
            float(node["num_threshold"]),
            sides[0],
            sides[1],
            int(node["missing_go_to_left"]),
        )


def _append_node(
    nodes: dict[str, list[Any]], feature: int, split: float, true: tuple[int, int], false: tuple[int, int], missing: int
) -> None:
    row = (feature, split, *true, *false, missing)
    for values, value in zip(nodes.values(), row, strict=True):
        values.append(value)


def _model(graph: _Graph, schema: FeatureSchema, metadata: dict[str, str]) -> onnx.ModelProto:
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "churn_risk",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["N", len(schema.names)])],
            [helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["N", 1]) for name in (LOG_ODDS, OUTPUT)],
            graph.constants,
        ),
        opset_imports=OPSETS,
        ir_version=IR_VERSION,
        producer_name="churn-duck",
    )
    helper.set_model_props(proto, metadata)
    onnx.checker.check_model(proto, full_check=True)
    return proto


def edge_rows(schema: FeatureSchema, typical: Matrix) -> Matrix:
    """Rows that a test set seldom holds: all NaN, unseen levels, and each number in turn infinite or huge."""
    base = np.nan_to_num(typical[len(typical) // 2])
    rows = [np.full_like(base, np.nan), np.zeros_like(base), base]
    for position in range(len(schema.names)):
        values = (np.nan, np.inf, -np.inf, 3e38, -3e38) if position < len(schema.numeric) else (np.nan, -1.0, 1e6)
        for value in values:
            row = base.copy()
            row[position] = value
            rows.append(row)
    return np.stack(rows)


def assert_parity(model: Model, schema: FeatureSchema, exported: OnnxModel, features: Matrix) -> float:
    """The largest difference between the training library and onnxruntime over `features` and edge rows.

    Raises: ModelError above 1e-6, where just one of the two says NaN, or when the file reads other features.
    """
    if exported.schema != schema:
        raise ModelError("the exported model reads its features in another order than it was trained on")
    parts = [features[at : at + PREDICTED_ROWS] for at in range(0, len(features), PREDICTED_ROWS)]
    return max(_difference(model, exported, rows) for rows in (*parts, edge_rows(exported.schema, features)))


def _difference(model: Model, exported: OnnxModel, rows: Matrix) -> float:
    with config_context(assume_finite=True), np.errstate(all="ignore"):
        expected = risk(model, rows)
    actual = exported.risk(rows)
    if not np.array_equal(np.isnan(expected), np.isnan(actual)):
        raise ModelError("the exported model says NaN where the trained one does not; it is not registered")
    # where both say NaN they agree
    difference = float(np.nanmax(np.abs(expected - actual), initial=0.0))
    if difference > PARITY_GATE:
        raise ModelError(
            f"the exported model differs from the trained one by {difference:.1e}, above {PARITY_GATE:.0e}; "
            "it is not registered"
        )
    return difference
