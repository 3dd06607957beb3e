"""Rows of a query as dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb


def fetched(con: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
    """The rows of one query, each by column name."""
    cursor = con.execute(query, list(parameters))
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
