"""Rows of a query through a model into Parquet, batch by batch: what is in memory does not grow with the rows.

A linear model is SQL in DuckDB; trees go through onnxruntime, on several threads beside each other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from churn_duck.dataset import FeatureSchema, Matrix
from churn_duck.export import batches_of, copy_to, write_batches
from churn_duck.linear import risk_sql
from churn_duck.onnx_model import OnnxModel

# large enough that Python does not show, small enough that a batch's matrix stays near the processor
BATCH_ROWS = 20_480
Risks = tuple[pa.Array, npt.NDArray[np.float64]]


def feature_query(schema: FeatureSchema, relation: str, where: str = "true") -> str:
    """SELECT of user_id and the float32 features of a model, in its order."""
    return f"select user_id, {schema.select_list()} from {relation} where {where}"


def write_risks(con: duckdb.DuckDBPyConnection, model: OnnxModel, queries: Iterable[str], folder: Path) -> int:
    """Score the rows of each query, made by `feature_query`, into a Parquet file of user_id and churn_risk in `folder`.

    Returns the number of rows.
    """
    files = ((query, folder / f"{number:04d}.parquet") for number, query in enumerate(queries))
    return sum(_write_part(con, model, query, path) for query, path in files)


def _write_part(con: duckdb.DuckDBPyConnection, model: OnnxModel, query: str, path: Path) -> int:
    terms = model.metadata.get("linear")
    if terms:
        return copy_to(con, f"select user_id, {risk_sql(terms, model.schema)} as churn_risk from ({query})", path)
    threads = int(con.execute("select current_setting('threads')").fetchall()[0][0])
    parts = scored(batches_of(con, query, BATCH_ROWS), model, threads)
    return write_batches((pa.record_batch([*part], names=["user_id", "churn_risk"]) for part in parts), path)


def scored(batches: Iterable[pa.RecordBatch], model: OnnxModel, threads: int) -> Iterator[Risks]:
    """user_id and churn_risk of each batch, in the order of the batches; a few are under way at a time."""
    with ThreadPoolExecutor(threads) as pool:
        under_way: deque[Future[Risks]] = deque()
        for batch in batches:
            under_way.append(pool.submit(_risks, batch, model))
            if len(under_way) > 2 * threads:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def _risks(batch: pa.RecordBatch, model: OnnxModel) -> Risks:
    return batch.column("user_id"), model.risk(matrix(batch, model.schema.names))


def matrix(batch: pa.RecordBatch, names: list[str]) -> Matrix:
    """float32[N, F] of an Arrow batch, columns by name, NULL as NaN."""
    # columns first and turned once: writing them across the rows of the matrix takes seven times as long
    columns = np.empty((len(names), batch.num_rows), np.float32)
    for position, name in enumerate(names):
        columns[position] = batch.column(name).to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(columns.T)
