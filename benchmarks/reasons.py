"""Reasons: scoring with them beside scoring without, and the fast contributions beside the exact ones.

    uv run python benchmarks/reasons.py [--rows 3000000] [--runs 3] [--folder DIR]

The first table goes from Parquet to Parquet on all cores, as `score` does it, each time in a process of its own; rows a
second leave imports out, memory does not. The second is contributions alone, matrix in, matrix out, on one core, and
how well the fast ones agree with the exact ones on the scoring rows: whether both put the same feature first, whether
the exact first is among the fast three, and the mean share of the exact three among them.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

# threads that wait must not take the core of those that work; read before scikit-learn is imported
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import duckdb
import numpy as np
from measured import Took, medians, run, table
from scoring import batches, prepare

from churn_duck.model.dataset import Matrix
from churn_duck.model.explain import Explainer, exact, explainer
from churn_duck.model.inference import BATCH_ROWS, matrix, write_risks
from churn_duck.model.onnx_model import OnnxModel, from_bytes
from churn_duck.settings.config import MODEL_NAMES

EXACT_ROWS = 2_000
SIDES = ("scores", "scores and reasons")


def load(folder: Path, name: str) -> OnnxModel:
    return from_bytes((folder / f"{name}.onnx").read_bytes(), name)


def stream(folder: Path, name: str, side: str) -> None:
    """One run of the first table; leaves its seconds in a file."""
    model = load(folder, name)
    begun = time.perf_counter()
    with duckdb.connect(config={"threads": os.cpu_count() or 1}) as con, TemporaryDirectory(dir=folder) as scratch:
        con.execute(f"create view features as from read_parquet('{folder}/features.parquet')")
        query = f"select user_id, {', '.join(model.schema.names)} from features"
        write_risks(con, model, [query], Path(scratch), explainer(model) if side == SIDES[1] else None)
        (folder / "seconds.txt").write_text(str(time.perf_counter() - begun))


def timed(folder: Path, name: str, side: str) -> tuple[Took, float]:
    took = run([sys.executable, __file__, "--folder", folder, "--side", side, "--model", name])
    return took, float((folder / "seconds.txt").read_text())


def streams(folder: Path, rows: int, runs: int) -> list[list[str]]:
    lines = []
    for name in MODEL_NAMES:
        turns = [{side: timed(folder, name, side) for side in SIDES} for _ in range(runs)]
        for side in SIDES:
            one, seconds = medians([turn[side][0] for turn in turns]), median(turn[side][1] for turn in turns)
            lines.append([name, side, f"{rows / seconds:,.0f}", f"{one.cpu:.1f}", f"{one.peak:.2f}"])
    return lines


def speed(one: Explainer, features: Matrix) -> float:
    """Rows a second on one core."""
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        for at in range(0, len(features), BATCH_ROWS):
            one.contributions(features[at : at + BATCH_ROWS])
        seconds.append(time.perf_counter() - begun)
    return len(features) / median(seconds)


def agreement(fast: Explainer, better: Explainer, features: Matrix) -> list[str]:
    own, true = (np.argsort(-one.contributions(features), axis=1)[:, :3] for one in (fast, better))
    among = (true[:, :, None] == own[:, None, :]).any(axis=2)
    return [f"{share:.0%}" for share in ((own[:, 0] == true[:, 0]).mean(), among[:, 0].mean(), among.mean())]


def methods(folder: Path) -> list[list[str]]:
    lines = []
    for name in MODEL_NAMES:
        model = load(folder, name)
        features = np.concatenate(
            [matrix(one, model.schema.names) for one, _ in zip(batches(folder), range(3), strict=False)]
        )
        fast, better = explainer(model), exact(model)
        few = features[:: len(features) // EXACT_ROWS][:EXACT_ROWS]
        for one, given in ((fast, features), (better, few)):
            off = np.abs(one.contributions(few).sum(axis=1) + one.base - model.outputs(few)[0]).max()
            agreed = agreement(one, better, few)
            lines.append([name, one.method, f"{speed(one, given):,.0f}", f"{off:.0e}", *agreed])
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--model", choices=MODEL_NAMES, help=argparse.SUPPRESS)
    parser.add_argument("--prepare", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        stream(asked.folder, asked.model, asked.side)
        return
    if asked.prepare:
        prepare(asked.folder, asked.rows)
        return
    with TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        if not (folder / "features.parquet").exists():
            # in a process of its own: a child's peak memory counts from that of its parent
            run([sys.executable, __file__, "--folder", folder, "--rows", str(asked.rows), "--prepare"])
        print(table(("model", "what", "rows/s", "CPU s", "peak GB"), streams(folder, asked.rows, asked.runs)))
        columns = ("model", "method", "rows/s", "off the log-odds by", "same first", "first among 3", "of the 3")
        print("\n" + table(columns, methods(folder)))


if __name__ == "__main__":
    main()
