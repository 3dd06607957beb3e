"""A trained pipeline as an ONNX graph in double arithmetic, and its proof against the training library.

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
from sklearn.pipeline import Pipeline

from churn_duck.dataset import FeatureSchema, Matrix
from churn_duck.errors import ModelError
from churn_duck.models import risk
from churn_duck.onnx_model import INPUT, LOG_ODDS, OUTPUT, OnnxModel

PARITY_GATE = 1e-6
OPSETS = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
IR_VERSION = 10
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


def to_onnx(model: Pipeline, schema: FeatureSchema, metadata: dict[str, str]) -> bytes:
    """The pipeline as a serialized model: `features` float32[N, F] to `log_odds` and `churn_risk`, float64[N, 1]."""
    graph = _Graph()
    matrix = _prepared(graph, model, schema)
    classifier = model.named_steps["classifier"]
    if hasattr(classifier, "coef_"):
        weights = graph.constant("weights", classifier.coef_.reshape(-1, 1))
        product = graph.node("MatMul", [matrix, weights], "weighted_sum")
        base = graph.constant("base", classifier.intercept_)
    else:
        product = graph.node("TreeEnsemble", [matrix], "tree_sum", domain="ai.onnx.ml", **_trees(classifier))
        base = graph.constant("base", np.ravel(classifier._baseline_prediction))
    graph.node("Add", [product, base], LOG_ODDS)
    graph.node("Sigmoid", [LOG_ODDS], OUTPUT)
    return bytes(_model(graph, schema, metadata).SerializeToString())


def _prepared(graph: _Graph, model: Pipeline, schema: FeatureSchema) -> str:
    """Zero for NaN and scaling on the numbers, one column a level on the categories."""
    n_numeric = len(schema.numeric)
    axis = graph.constant("axis", [1], np.int64)
    edge = graph.constant("edge", [n_numeric], np.int64)
    double = graph.node("Cast", [INPUT], "double", to=TensorProto.DOUBLE)
    numbers = graph.node("Slice", [double, graph.constant("start", [0], np.int64), edge, axis], "numbers")
    is_missing = graph.node("IsNaN", [numbers], "is_missing")
    parts = [graph.node("Where", [is_missing, graph.constant("zero", 0.0), numbers], "filled")]
    number_steps = model.named_steps["columns"].named_transformers_["number"].named_steps
    if "standardscaler" in number_steps:
        scaler = number_steps["standardscaler"]
        centred = graph.node("Sub", [parts[0], graph.constant("mean", scaler.mean_)], "centred")
        parts = [graph.node("Div", [centred, graph.constant("scale", scaler.scale_)], "scaled")]
    for position, (name, levels) in enumerate(schema.categorical):
        column = graph.constant(f"column_{name}", [n_numeric + position], np.int64)
        code = graph.node("Gather", [double, column], f"code_{name}", axis=1)
        codes = graph.constant(f"codes_{name}", np.arange(len(levels)))
        is_level = graph.node("Equal", [code, codes], f"is_level_{name}")
        parts.append(graph.node("Cast", [is_level], f"levels_{name}", to=TensorProto.DOUBLE))
    return graph.node("Concat", parts, "prepared", axis=1)


def _trees(classifier: Any) -> dict[str, Any]:
    """The boosted trees as TreeEnsemble attributes: inner nodes and leaves are numbered apart."""
    nodes: dict[str, list[Any]] = {
        key: [] for key in ("features", "splits", "true_ids", "true_leafs", "false_ids", "false_leafs", "missing")
    }
    roots: list[int] = []
    leaf_values: list[float] = []
    for (predictor,) in classifier._predictors:
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


def assert_parity(model: Pipeline, schema: FeatureSchema, exported: OnnxModel, features: Matrix) -> float:
    """The largest difference between the training library and onnxruntime over `features` and edge rows.

    Raises: ModelError above 1e-6, where just one of the two says NaN, or when the file reads other features.
    """
    if exported.schema != schema:
        raise ModelError("the exported model reads its features in another order than it was trained on")
    rows = np.concatenate([features, edge_rows(exported.schema, features)])
    with config_context(assume_finite=True), np.errstate(all="ignore"):
        expected = risk(model, rows)
    actual = exported.risk(rows)
    if not np.array_equal(np.isnan(expected), np.isnan(actual)):
        raise ModelError("the exported model says NaN where the trained one does not; it is not registered")
    difference = float(np.nanmax(np.abs(expected - actual)))
    if difference > PARITY_GATE:
        raise ModelError(
            f"the exported model differs from the trained one by {difference:.1e}, above {PARITY_GATE:.0e}; "
            "it is not registered"
        )
    return difference
