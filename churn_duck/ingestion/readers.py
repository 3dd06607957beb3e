"""Opens one source file as the temporary view `source`, with its own columns; only a CSV's delimiter is guessed."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import IO

import duckdb

from churn_duck.errors import LandingError
from churn_duck.ingestion.sources import SourceFile, form
from churn_duck.settings.landed_columns import Column
from churn_duck.warehouse.query import literal, quoted

# lines of JSON that are read to find the keys
SAMPLE_LINES = 1000
LINE = "(line)"


@dataclass(frozen=True)
class Opened:
    """The view `source`: DuckDB's types by lower-case name; `rejects` says how bad lines are collected."""

    types: dict[str, str]
    rejects: str | None = None

    def has(self, column: Column) -> bool:
        """Whether the file, a constant or the row number provides the column."""
        is_set = column.constant is not None or column.default is not None
        return is_set or column.source.lower() in self.types

    def kind(self, column: Column) -> str:
        """The column's type in the file, without parameters."""
        return self.types.get(column.source.lower(), "VARCHAR").split("(")[0]

    def value(self, column: Column) -> str:
        """SQL for the column as in the file, or for its constant."""
        if column.source.lower() in self.types:
            return quoted(column.source)
        return literal(column.constant)

    @property
    def names(self) -> list[str]:
        """The columns of the file."""
        return [name for name in self.types if name not in ("source_row", LINE)]

    def ignored(self, columns: list[Column]) -> list[str]:
        """The columns of the file that are not wanted."""
        wanted = {column.source.lower() for column in columns}
        return [name for name in self.names if name not in wanted]


def opened(con: duckdb.DuckDBPyConnection, file: SourceFile, columns: list[Column]) -> Opened:
    """Creates the view `source` over the file.

    Raises: LandingError for another kind of file, or without a required column.
    """
    kind = form(file.name if file.query_key is None else file.path.name)
    if kind is None:
        raise LandingError(f"{file.name} is neither .csv, .parquet nor .jsonl; convert it, or rename it to what it is")
    relation, rejects = _RELATIONS[kind](file, columns)
    partition = "".join(f", {literal(value)} as {quoted(key)}" for key, value in file.hive.items())
    # Parquet has its own row numbers, so several threads can read it
    numbered = "* exclude (file_row_number), file_row_number + 1" if kind == "parquet" else "*, row_number() over ()"
    con.execute(f"create temp view source as select {numbered} as source_row{partition} from {relation}")
    types = {str(row[0]).lower(): str(row[1]) for row in con.execute("describe source").fetchall()}
    view = Opened(types, rejects)
    missing = [column.source for column in columns if column.required and not view.has(column)]
    if missing:
        raise LandingError(
            f"{file.name} lacks {', '.join(missing)}, which every row needs; it has: "
            f"{', '.join(view.names)}; map names with sources.*.columns, or set values with sources.*.constants"
        )
    return view


def _parquet(file: SourceFile, columns: list[Column]) -> tuple[str, str | None]:
    return f"read_parquet({literal(str(file.path))}, hive_partitioning = false, file_row_number = true)", None


def _csv(file: SourceFile, columns: list[Column]) -> tuple[str, str | None]:
    """A CSV as text; lines that cannot be parsed go to `reject_errors`."""
    with _text(file) as source:
        try:
            line = source.readline()
            delimiter = max(",;\t|", key=line.count)
            source.seek(0)
            names = next(csv.reader(source, delimiter=delimiter), [])
        except (OSError, UnicodeDecodeError) as error:
            raise LandingError(f"cannot read {file.name}: {error}; a CSV must be UTF-8") from error
    if not names:
        raise LandingError(f"{file.name} is empty, without even a header")
    types = ", ".join(f"{literal(name.strip())}: 'VARCHAR'" for name in names)
    relation = (
        f"read_csv({literal(str(file.path))}, auto_detect = false, header = true, delim = {literal(delimiter)}, "
        f"quote = '\"', escape = '\"', columns = {{{types}}}, ignore_errors = true, store_rejects = true, "
        "hive_partitioning = false)"
    )
    return relation, "csv"


def _json(file: SourceFile, columns: list[Column]) -> tuple[str, str | None]:
    """JSON lines as text, one column a key; a mapped name such as `payload.user` reads a nested key."""
    with _text(file) as source:
        try:
            keys = dict.fromkeys(key for line in islice(source, SAMPLE_LINES) for key in _keys(line))
        except (OSError, UnicodeDecodeError) as error:
            raise LandingError(f"cannot read {file.name}: {error}; JSON lines must be UTF-8") from error
    if not keys:
        raise LandingError(f"{file.name} has no JSON object in its first {SAMPLE_LINES} lines; write one object a line")
    nested = {column.source: "$." + column.source for column in columns if "." in column.source}
    paths = {key: f'$."{key}"' for key in keys if '"' not in key} | nested
    values = ", ".join(f"json_extract_string(line, {literal(path)}) as {quoted(key)}" for key, path in paths.items())
    lines = (
        f"read_csv({literal(str(file.path))}, auto_detect = false, header = false, delim = '\\0', quote = '', "
        "escape = '', columns = {'line': 'VARCHAR'}, max_line_size = 16777216, hive_partitioning = false)"
    )
    valid = f"select case when json_valid(line) then line end as line, line as original from {lines}"
    return f"(select {values}, case when line is null then original end as {quoted(LINE)} from ({valid}))", "json"


def _keys(line: str) -> list[str]:
    try:
        content = json.loads(line)
    except ValueError:
        return []
    return list(content) if isinstance(content, dict) else []


def _text(file: SourceFile) -> IO[str]:
    open_text = gzip.open if file.path.suffix.lower() == ".gz" else open
    try:
        return open_text(file.path, "rt", encoding="utf-8-sig", newline="")
    except OSError as error:
        raise LandingError(f"cannot read {file.name}: {error}") from error


_RELATIONS: dict[str, Callable[[SourceFile, list[Column]], tuple[str, str | None]]] = {
    "parquet": _parquet,
    "csv": _csv,
    "json": _json,
}
