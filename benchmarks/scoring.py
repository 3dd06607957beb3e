"""Scoring from Parquet to Parquet: ours against scikit-learn, and against a compiled loop as the limit.

    uv run python benchmarks/scoring.py [--rows 3000000] [--runs 3] [--folder DIR]

The models are trained on a generated log; its scoring rows are repeated under other ids until there are enough. Each
side is a process of its own on all cores: it reads float32 features batch by batch, scores them, and writes user_id
and churn_risk. Rows a second leave the imports out, memory does not. The limit is a C loop over the same trees, eight
rows side by side, compiled for this machine; it is given the matrix and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

# threads that wait must not take the core of those that work; read before scikit-learn is imported
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from compiled import CompiledTrees
from load import generate
from measured import Took, medians, run, table

from churn_duck.ingestion.land import land
from churn_duck.model.dataset import learn_schema, read_rows
from churn_duck.model.inference import BATCH_ROWS, feature_query, matrix, write_risks
from churn_duck.model.onnx_model import from_bytes, sealed
from churn_duck.settings.config import MODEL_NAMES, Settings
from churn_duck.training.estimators import fit, risk
from churn_duck.training.model_terms import linear_terms, reason_terms
from churn_duck.training.onnx_export import to_onnx
from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.build import build
from churn_duck.warehouse.store import connected, open_warehouse

# scikit-learn is fastest on about so many rows at a time
PEER_ROWS = 20_480


def prepare(folder: Path, rows: int) -> None:
    """Train both models on a generated log, keep them for either side, and write the rows to score."""
    generate(folder / "load", users=60_000, days=120)
    warehouse = open_warehouse(Settings(), folder / "warehouse")
    list(land(warehouse, "users", str(folder / "load" / "users.parquet")))
    list(land(warehouse, "events", str(folder / "load" / "events")))
    with connected(warehouse) as con:
        list(build(con, warehouse))
        set_as_of_date(con, warehouse, None)
        schema = learn_schema(con, warehouse.settings)
        taught = read_rows(con, schema, "training_dataset", "split = 'train'")
        for name in MODEL_NAMES:
            model = fit(name, schema, Settings().training, taught.features, taught.label)
            about = sealed(
                {
                    "features": schema.as_dict(),
                    "model_version": name,
                    "linear": linear_terms(model, schema),
                    "reasons": reason_terms(model, schema, taught.features),
                }
            )
            (folder / f"{name}.onnx").write_bytes(to_onnx(model, schema, about))
            (folder / f"{name}.pickle").write_bytes(pickle.dumps((model, schema)))
        eligible = con.execute("select count(*) from scoring_dataset").fetchall()[0][0]
        con.execute(
            f"""copy (
                select row_number() over () as user_id, features.* exclude (user_id)
                from ({feature_query(schema, "scoring_dataset")}) as features
                cross join range({-(-rows // eligible)}) limit {rows}
            ) to '{folder}/features.parquet' (format parquet, compression zstd)"""
        )


def ours(folder: Path, name: str) -> None:
    """As `score` does it, without the warehouse."""
    model = from_bytes((folder / f"{name}.onnx").read_bytes(), name)
    with duckdb.connect(config={"threads": os.cpu_count() or 1}) as con:
        con.execute(f"create view features as from read_parquet('{folder}/features.parquet')")
        columns = ", ".join(model.schema.names)
        (folder / f"ours_{name}").mkdir(exist_ok=True)
        write_risks(con, model, [f"select user_id, {columns} from features"], folder / f"ours_{name}")


def batches(folder: Path) -> Iterator[pa.RecordBatch]:
    """The rows as scikit-learn's side reads them, with pyarrow on all cores."""
    yield from pq.ParquetFile(folder / "features.parquet").iter_batches(PEER_ROWS)


def scikit_learn(folder: Path, name: str) -> None:
    """The trained pipeline itself."""
    model, schema = pickle.loads((folder / f"{name}.pickle").read_bytes())
    out = pa.schema([("user_id", pa.int64()), ("churn_risk", pa.float64())])
    with pq.ParquetWriter(folder / f"scikit_learn_{name}.parquet", out) as writer:
        for batch in batches(folder):
            scored = risk(model, matrix(batch, schema.names))
            writer.write_batch(pa.record_batch([batch.column("user_id"), scored], schema=out))


SIDES = {"ours": ours, "scikit_learn": scikit_learn}


def agreement(folder: Path, name: str) -> float:
    """The largest difference between both sides, of the same user."""
    found = duckdb.sql(
        f"select max(abs(a.churn_risk - b.churn_risk)), count(*) from '{folder}/ours_{name}/*.parquet' as a "
        f"join '{folder}/scikit_learn_{name}.parquet' as b using (user_id)"
    ).fetchall()[0]
    return float(found[0])


def inference(folder: Path) -> dict[str, float]:
    """Rows a second on one core, matrix in, risks out: ours, and the compiled limit, of the boosting."""
    model, schema = pickle.loads((folder / "candidate_hgb.pickle").read_bytes())
    exported = from_bytes((folder / "candidate_hgb.onnx").read_bytes(), "candidate_hgb")
    features = np.concatenate([matrix(one, schema.names) for one, _ in zip(batches(folder), range(10), strict=False)])
    compiled = CompiledTrees(model, folder)
    assert np.abs(compiled.risk(features) - exported.risk(features)).max() < 1e-9
    found = {}
    for name, work in (("onnxruntime", exported.risk), ("compiled", compiled.risk)):
        seconds = []
        for _ in range(5):
            begun = time.perf_counter()
            for at in range(0, len(features), BATCH_ROWS):
                work(features[at : at + BATCH_ROWS])
            seconds.append(time.perf_counter() - begun)
        found[name] = len(features) / median(seconds)
    return found


def timed(folder: Path, side: str, name: str) -> tuple[Took, float]:
    """A side in a process of its own, and the seconds that it took without the imports."""
    told = folder / "seconds.txt"
    took = run([sys.executable, __file__, "--folder", folder, "--side", side, "--model", name])
    return took, float(told.read_text())


def compare(folder: Path, rows: int, runs: int) -> list[list[str]]:
    """Runs of both sides in turn; a row of the table each."""
    lines = []
    for name in MODEL_NAMES:
        took: dict[str, list[tuple[Took, float]]] = {side: [] for side in SIDES}
        for _ in range(runs):
            for side in SIDES:
                took[side].append(timed(folder, side, name))
                print(name, side, f"{rows / took[side][-1][1]:,.0f} rows/s", file=sys.stderr, flush=True)
        ratio = median(b[1] / a[1] for a, b in zip(took["ours"], took["scikit_learn"], strict=True))
        difference = agreement(folder, name)
        for side in SIDES:
            one, seconds = medians([took for took, _ in took[side]]), median(seconds for _, seconds in took[side])
            share = f"{ratio:.2f}" if side == "ours" else "1"
            cells = (name, side, f"{rows / seconds:,.0f}", share, f"{one.cpu:.1f}", f"{one.peak:.2f}")
            lines.append([*cells, f"{difference:.0e}"])
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
        begun = time.perf_counter()
        SIDES[asked.side](asked.folder, asked.model)
        (asked.folder / "seconds.txt").write_text(str(time.perf_counter() - begun))
        return
    if asked.prepare:
        prepare(asked.folder, asked.rows)
        return
    with TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        if not (folder / "features.parquet").exists():
            # in a process of its own: a child's peak memory counts from that of its parent
            run([sys.executable, __file__, "--folder", folder, "--rows", str(asked.rows), "--prepare"])
        lines = compare(folder, asked.rows, asked.runs)
        limit = inference(folder)
    columns = ("model", "side", "rows/s", "ratio", "CPU s", "peak GB", "largest difference")
    print(table(columns, lines))
    print(f"\nboosting alone, one core, rows/s: {json.dumps({name: round(value) for name, value in limit.items()})}")


if __name__ == "__main__":
    main()
