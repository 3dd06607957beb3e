"""The boosted trees as a compiled loop: the limit of what this machine can do."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

# Every tree is filled up to a full one of this depth, so that no row ever branches: 8 rows go down side by side.
SOURCE = """
#include <math.h>
#define DEPTH {depth}
#define INNER ((1 << DEPTH) - 1)
void risk(const float *rows, long n, long columns, const int *feature, const float *split, const double *leaf,
          long trees, double base, double *out) {{
    for (long at = 0; at < n; at += 8) {{
        long count = n - at < 8 ? n - at : 8;
        float block[{columns}][8];
        double sum[8] = {{0}};
        for (long column = 0; column < columns; column++)
            for (int lane = 0; lane < 8; lane++)
                block[column][lane] = lane < count ? rows[(at + lane) * columns + column] : 0;
        for (long tree = 0; tree < trees; tree++) {{
            const int *f = feature + tree * INNER;
            const float *s = split + tree * INNER;
            int node[8] = {{0}};
            for (int level = 0; level < DEPTH; level++)
                for (int lane = 0; lane < 8; lane++)
                    node[lane] = 2 * node[lane] + 1 + !(block[f[node[lane]]][lane] <= s[node[lane]]);
            for (int lane = 0; lane < 8; lane++)
                sum[lane] += leaf[tree * (INNER + 1) + node[lane] - INNER];
        }}
        for (int lane = 0; lane < count; lane++)
            out[at + lane] = 1 / (1 + exp(-(base + sum[lane])));
    }}
}}
"""


class CompiledTrees:
    """A trained boosting as machine code; its numbers must have no NaN but where the library sends them right."""

    def __init__(self, model: Any, folder: Path) -> None:
        classifier = model.named_steps["classifier"]
        trees = [predictor.nodes for (predictor,) in classifier._predictors]
        self.depth = max(int(nodes["depth"].max()) for nodes in trees)
        self.columns = classifier.n_features_in_
        self.base = float(np.ravel(classifier._baseline_prediction)[0])
        inner = 2**self.depth - 1
        self.feature = np.zeros((len(trees), inner), np.int32)
        # what is never reached sends everything left, to the same leaf
        self.split = np.full((len(trees), inner), np.inf, np.float32)
        self.leaf = np.zeros((len(trees), inner + 1))
        for number, nodes in enumerate(trees):
            self._fill(number, nodes, 0, 0, 0)
        source, library = folder / "trees.c", folder / "trees.so"
        source.write_text(SOURCE.format(depth=self.depth, columns=self.columns))
        subprocess.run(
            ["gcc", "-O3", "-march=native", "-ffast-math", "-fno-finite-math-only", "-shared", "-fPIC", "-o",
             str(library), str(source), "-lm"],
            check=True,
        )  # fmt: skip
        self.loop = ctypes.CDLL(str(library)).risk

    def _fill(self, tree: int, nodes: npt.NDArray[Any], node: int, place: int, level: int) -> None:
        one = nodes[node]
        if one["is_leaf"]:
            leaves = 2 ** (self.depth - level)
            first = (place + 1) * leaves - 2**self.depth
            self.leaf[tree, first : first + leaves] = one["value"]
            return
        self.feature[tree, place] = one["feature_idx"]
        # a float32 is below a double exactly when it is below the next float32 under it
        split = np.float32(one["num_threshold"])
        below = np.nextafter(split, np.float32(-np.inf)) if split > one["num_threshold"] else split
        self.split[tree, place] = below
        self._fill(tree, nodes, one["left"], 2 * place + 1, level + 1)
        self._fill(tree, nodes, one["right"], 2 * place + 2, level + 1)

    def risk(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Probability of churn, float64[N]; zero stands for NaN, as the pipeline has it."""
        rows = np.nan_to_num(features)
        out = np.empty(len(rows))
        pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (self.feature, self.split, self.leaf)]
        self.loop(
            rows.ctypes.data_as(ctypes.c_void_p),
            ctypes.c_long(len(rows)),
            ctypes.c_long(self.columns),
            *pointers,
            ctypes.c_long(len(self.feature)),
            ctypes.c_double(self.base),
            out.ctypes.data_as(ctypes.c_void_p),
        )
        return out
