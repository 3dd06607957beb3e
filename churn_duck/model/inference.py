"""Scores the rows of a query into Parquet, batch by batch, so that memory does not grow with the rows.

A linear model is SQL in DuckDB; trees and blends go through onnxruntime, on several threads beside each other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from churn_duck.model.dataset import FeatureSchema, Matrix
from churn_duck.model.explain import Explainer
from churn_duck.model.forest import Floats
from churn_duck.model.linear_sql import log_odds_sql, risk_sql
from churn_duck.model.onnx_model import OnnxModel
from churn_duck.warehouse.export import batches_of, copy_to, write_batches

# large enough to make the overhead of Python negligible, small enough for the matrix to stay in the processor's cache
BATCH_ROWS = 20_480
TOP_REASONS = 3
Work = Callable[[pa.RecordBatch], pa.RecordBatch]


def feature_query(schema: FeatureSchema, relation: str, where: str = "true") -> str:
    """Returns the SELECT of user_id and the float32 features of a model, in its order."""
    return f"select user_id, {schema.select_list()} from {relation} where {where}"


def write_risks(
    con: duckdb.DuckDBPyConnection,
    model: OnnxModel,
    queries: Iterable[str],
    folder: Path,
    explainer: Explainer | None = None,
) -> int:
    """Scores the rows of each query by `feature_query` into a Parquet file in `folder`; returns the number of rows.

    The files have user_id and churn_risk; with an `explainer` they have the columns of `explained`.
    """
    files = ((query, folder / f"{number:04d}.parquet") for number, query in enumerate(queries))
    return sum(_write_part(con, model, query, path, explainer) for query, path in files)


def _write_part(
    con: duckdb.DuckDBPyConnection, model: OnnxModel, query: str, path: Path, explainer: Explainer | None
) -> int:
    terms = model.linear
    if terms:
        risk = f"{risk_sql(terms, model.schema)} as churn_risk"
        if explainer is None:
            return copy_to(con, f"select user_id, {risk} from ({query})", path)
        query = f"select *, {risk}, {log_odds_sql(terms, model.schema)} as log_odds from ({query})"
    threads = int(con.execute("select current_setting('threads')").fetchall()[0][0])

    def work(batch: pa.RecordBatch) -> pa.RecordBatch:
        return _risks(batch, model) if explainer is None else explained(batch, model, explainer)

    return write_batches(worked(batches_of(con, query, BATCH_ROWS), work, threads), path)


def worked(batches: Iterable[pa.RecordBatch], work: Work, threads: int) -> Iterator[pa.RecordBatch]:
    """Yields the result of `work` for each batch, in their order; at most two batches a thread are pending."""
    with ThreadPoolExecutor(threads) as pool:
        pending: deque[Future[pa.RecordBatch]] = deque()
        for batch in batches:
            pending.append(pool.submit(work, batch))
            if len(pending) > 2 * threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _risks(batch: pa.RecordBatch, model: OnnxModel) -> pa.RecordBatch:
    risk = model.risk(matrix(batch, model.schema.names))
    return pa.record_batch([batch.column("user_id"), risk], names=["user_id", "churn_risk"])


def explained(batch: pa.RecordBatch, model: OnnxModel, explainer: Explainer) -> pa.RecordBatch:
    """Returns risk, log-odds, the features that raise it most, and the sum of the other contributions.

    `features` are positions in the model's schema, highest contribution first, `readings` the user's values of them.
    The batch of a linear model already has its risk and log-odds.
    """
    features = matrix(batch, model.schema.names)
    by_feature = explainer.contributions(features)
    total, top, contributions = by_feature.sum(axis=1), *_top(by_feature)
    if "log_odds" in batch.schema.names:
        log_odds, risk = batch.column("log_odds"), batch.column("churn_risk")
    else:
        log_odds, risk = model.outputs(features)
    return pa.RecordBatch.from_pydict(
        {
            "user_id": batch.column("user_id"),
            "churn_risk": risk,
            "log_odds": log_odds,
            "other_contributions": total - np.maximum(contributions, 0).sum(axis=1),
            "features": _lists(top),
            "readings": _lists(np.take_along_axis(features, top, axis=1)),
            "contributions": _lists(contributions),
        }
    )


def _top(contributions: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """Returns positions and values of the TOP_REASONS highest of each row, ties by position; faster than a sort."""
    rest, rows = contributions.copy(), np.arange(len(contributions))
    places = np.empty((len(rest), min(TOP_REASONS, rest.shape[1])), np.int64)
    for rank in range(places.shape[1]):
        places[:, rank] = rest.argmax(axis=1)
        rest[rows, places[:, rank]] = -np.inf
    return places, np.take_along_axis(contributions, places, axis=1)


def _lists(values: npt.NDArray[np.generic]) -> pa.Array:
    """Returns each row as a list; NaN becomes NULL."""
    flat = pa.array(values.ravel(), from_pandas=True)
    return pa.ListArray.from_arrays(np.arange(len(values) + 1, dtype=np.int32) * values.shape[1], flat)


def matrix(batch: pa.RecordBatch, names: list[str]) -> Matrix:
    """Returns the columns of an Arrow batch as float32[N, F], NULL as NaN."""
    # contiguous columns transposed once: writing columns into rows takes seven times as long
    columns = np.empty((len(names), batch.num_rows), np.float32)
    for position, name in enumerate(names):
        columns[position] = batch.column(name).to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(columns.T)
