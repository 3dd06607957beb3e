"""How many users fit into a training; a sample is of whole users and always reported."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from churn_duck.model.dataset import FeatureSchema
from churn_duck.progress import Progress
from churn_duck.settings.config import Settings
from churn_duck.settings.view_columns import BUCKETS

# float32 as read and as split, float64 for scikit-learn, and its own copies while it prepares and bins the columns
BYTES_PER_VALUE = 40
# enough for the few rows of the registry
MEMORY_AT_REST = "256MiB"
UNITS = {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
# buckets of users from which the number of rows is estimated
COUNTED_BUCKETS = 4


def affordable_share(
    con: duckdb.DuckDBPyConnection, settings: Settings, schema: FeatureSchema, progress: Progress
) -> float:
    """Returns the share of the users, in steps of 1/256, whose rows fit `training.max_rows` or the memory; 1.0: all."""
    wanted, allowed = _training_rows(con), settings.training.max_rows or _rows_in_memory(con, schema)
    if wanted <= allowed:
        return 1.0
    share = max(1, int(BUCKETS * allowed / wanted)) / BUCKETS
    progress(
        f"about {wanted:,} rows exceed the {allowed:,} that "
        f"{'training.max_rows allows' if settings.training.max_rows else 'fit into the memory'}: "
        f"training and testing on a random {share:.1%} of the users"
    )
    return share


def _training_rows(con: duckdb.DuckDBPyConnection) -> int:
    """Returns the number of rows, estimated from a few buckets of users where there are many users, else counted."""
    users = con.execute("select count(*) from users_clean").fetchall()[0][0]
    buckets = COUNTED_BUCKETS if users > 100_000 else BUCKETS
    rows = con.execute(f"select count(*) from training_dataset where user_bucket < {buckets}").fetchall()[0][0]
    return int(rows * BUCKETS / buckets)


def _rows_in_memory(con: duckdb.DuckDBPyConnection, schema: FeatureSchema) -> int:
    """Returns the rows that fit into DuckDB's memory limit, which the training libraries may use after it."""
    columns = len(schema.numeric) + sum(len(levels) for _, levels in schema.categorical)
    return max(1000, int(memory_bytes(con) / (columns * BYTES_PER_VALUE)))


@contextmanager
def duckdb_at_rest(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Makes DuckDB release its caches while the training libraries use the memory."""
    before = con.execute("select current_setting('memory_limit')").fetchall()[0][0]
    con.execute(f"set memory_limit = '{MEMORY_AT_REST}'")
    try:
        yield
    finally:
        con.execute(f"set memory_limit = '{before}'")


def memory_bytes(con: duckdb.DuckDBPyConnection) -> float:
    """Returns DuckDB's memory limit in bytes, configured or its default."""
    text = str(con.execute("select current_setting('memory_limit')").fetchall()[0][0])
    number, unit, binary = re.fullmatch(r"([\d.]+) ?([KMGT])(i?)B", text).groups()  # type: ignore[union-attr]
    scale = UNITS[unit] * (1.024 ** (1 + "KMGT".index(unit)) if binary else 1)
    return float(number) * scale
