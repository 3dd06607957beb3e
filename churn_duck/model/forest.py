"""The trees of a model file, read back from its graph, as the ways that lead to their leaves.

A node is worth the mean of its leaves, weighed by the training rows that ended in them (its cover).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class _Step(NamedTuple):
    """From a node to its child: the split's feature, the child's share of the cover, and what it is worth more."""

    node: int
    is_left: bool
    feature: int
    share: float
    gain: float


class _Leaf(NamedTuple):
    """`tree` and `leaf` are numbers within the ensemble, `place` within the tree."""

    ensemble: int
    tree: int
    leaf: int
    place: int
    value: float
    way: tuple[_Step, ...]


@dataclass(frozen=True)
class Forest:
    """Inner nodes [M], and for each way to a leaf [L] its steps [L, D], from the root, padded by steps that do nothing.

    `tree` and `leaf` count within the `ensemble`, `place` counts the leaves of a tree. A tree without a split has two
    ways to its one leaf.
    """

    split_feature: Ints
    split: Floats
    missing_is_left: Bools
    expected: float
    ensemble: Ints
    tree: Ints
    leaf: Ints
    place: Ints
    value: Floats
    node: Ints
    is_left: Bools
    feature: Ints
    share: Floats
    gain: Floats


@dataclass(frozen=True)
class _Ensemble:
    """One TreeEnsemble of the graph; `covers` of its leaves; `first_node` counts the nodes of those before it."""

    number: int
    attributes: dict[str, Any]
    values: Floats
    covers: Floats
    first_node: int

    def children(self, node: int) -> Iterator[tuple[bool, int, bool]]:
        """Each side of a node: whether it is the left one, its number, whether it is a leaf."""
        for is_left, side in ((True, "true"), (False, "false")):
            number, leaf = (self.attributes[f"nodes_{side}{what}s"][node] for what in ("nodeid", "leaf"))
            yield is_left, number, bool(leaf)

    def worth(self, number: int, is_leaf: bool) -> tuple[float, float]:
        """Cover and value of a node or leaf."""
        if is_leaf:
            return float(self.covers[number]), float(self.values[number])
        sides = [self.worth(child, leaf) for _, child, leaf in self.children(number)]
        cover = sum(side[0] for side in sides)
        return cover, sum(side[0] * side[1] for side in sides) / cover

    def leaves(self, tree: int, number: int, is_leaf: bool, way: tuple[_Step, ...] = ()) -> Iterator[_Leaf]:
        """The leaves below a node, with the steps that lead to each."""
        if is_leaf:
            yield _Leaf(self.number, tree, number, number, float(self.values[number]), way)
            return
        feature = self.attributes["nodes_featureids"][number]
        worths = [self.worth(child, leaf) for _, child, leaf in self.children(number)]
        cover = worths[0][0] + worths[1][0]
        value = (worths[0][0] * worths[0][1] + worths[1][0] * worths[1][1]) / cover
        for (is_left, child, leaf), (own_cover, own_value) in zip(self.children(number), worths, strict=True):
            step = _Step(self.first_node + number, is_left, feature, own_cover / cover, own_value - value)
            yield from self.leaves(tree, child, leaf, (*way, step))


def read_forest(graph: onnx.GraphProto, leaf_covers: list[int]) -> Forest:
    """The forest of a graph; `leaf_covers` in the order of the graph's leaves."""
    ensembles = list(_ensembles(graph, leaf_covers))
    leaves, expected = [], 0.0
    for ensemble in ensembles:
        for tree, root in enumerate(ensemble.attributes["tree_roots"]):
            own = list(ensemble.leaves(tree, root, is_leaf=False))
            first = min(leaf.leaf for leaf in own)
            leaves += [leaf._replace(place=leaf.leaf - first) for leaf in own]
            expected += ensemble.worth(root, is_leaf=False)[1]
    return _forest(ensembles, leaves, expected)


def tree_nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes of a graph that hold trees, in their order."""
    return [node for node in graph.node if node.op_type == "TreeEnsemble"]


def _ensembles(graph: onnx.GraphProto, leaf_covers: list[int]) -> Iterator[_Ensemble]:
    covers = np.array(leaf_covers, np.float64)
    first_leaf = first_node = 0
    for number, node in enumerate(tree_nodes(graph)):
        attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        values = numpy_helper.to_array(attributes["leaf_weights"])
        own = covers[first_leaf : first_leaf + len(values)]
        yield _Ensemble(number, attributes, values, own, first_node)
        first_leaf += len(values)
        first_node += len(attributes["nodes_featureids"])


def _forest(ensembles: list[_Ensemble], leaves: list[_Leaf], expected: float) -> Forest:
    depth = max(len(leaf.way) for leaf in leaves)
    # a step that does nothing: any side of node 0, all of the cover, no gain, of no feature
    idle = _Step(0, True, -1, 1.0, 0.0)
    ways = [(*leaf.way, *(idle,) * (depth - len(leaf.way))) for leaf in leaves]
    told = {name: np.array([[getattr(step, name) for step in way] for way in ways]) for name in _Step._fields}
    inner = [ensemble.attributes for ensemble in ensembles]
    return Forest(
        split_feature=np.concatenate([np.array(one["nodes_featureids"]) for one in inner]),
        split=np.concatenate([numpy_helper.to_array(one["nodes_splits"]) for one in inner]),
        missing_is_left=np.concatenate([np.array(one["nodes_missing_value_tracks_true"], bool) for one in inner]),
        expected=expected,
        **{name: np.array([getattr(leaf, name) for leaf in leaves]) for name in _Leaf._fields if name != "way"},
        **told,
    )
