"""What the columns of a file hold, judged by the values alone: integers, levels, moments, keys."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from churn_duck.errors import LandingError
from churn_duck.ingestion.readers import opened
from churn_duck.ingestion.sources import SourceFile, form, source_files
from churn_duck.settings.config import Engine, Source
from churn_duck.warehouse.query import literal, quoted

# the most rows to read; a larger log is judged by its first files
LOOK_ROWS = 20_000_000
MANY_LEVELS = 200
NEARLY_ALL = 0.98
MOMENT_VALUES = 5_000
# objects that are opened to find their keys
OBJECTS = 200
# strptime formats, the unambiguous ones first
FORMATS = (
    "%Y%m%d",
    "%Y%m%d%H%M%S",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%a %b %d %H:%M:%S %z %Y",
    "%d/%b/%Y:%H:%M:%S %z",
    "%d %b %Y",
    "%b %d, %Y",
    *(
        f"{day}{time}"
        for day in ("%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y", "%m-%d-%Y", "%d-%m-%Y")
        for time in (" %H:%M:%S", " %H:%M", " %I:%M %p", "")
    ),
)
EPOCHS = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000, "epoch_ns": 1_000_000_000}
# epoch seconds of 1990 and 2100: a number outside is not a moment
EPOCH_RANGE = (631_152_000, 4_102_444_800)


@dataclass(frozen=True)
class Moment:
    """How to read a column as a moment: `formats` are all that fit, () for ISO and typed columns."""

    formats: tuple[str, ...] = ()
    has_zone: bool = False


@dataclass(frozen=True)
class Column:
    """One column: `distinct` is DuckDB's approximate count; `levels` counts its values if they are few."""

    name: str
    type: str
    rows: int
    filled: int
    distinct: int
    is_whole: bool
    is_number: bool
    negative_rows: int
    longest: int
    levels: dict[str, int] = field(default_factory=dict)
    moment: Moment | None = None

    @property
    def label(self) -> str:
        """The name as an identifier: InvoiceNo becomes invoice_no."""
        return identifier(self.name)

    @property
    def is_text(self) -> bool:
        """Whether it holds text."""
        return not self.is_number and self.moment is None and self.type in ("VARCHAR", "UUID")


@dataclass(frozen=True)
class Profile:
    """One table: its files and columns. `relation` is the temporary table with its rows."""

    relation: str
    files: list[str]
    files_read: int
    rows: int
    columns: list[Column]
    # of JSON: the object and the key of each column that was unfolded
    nested: dict[str, tuple[str, str]]

    def find(self, name: str) -> Column:
        """The column of that name, ignoring case. Raises: LandingError listing the columns."""
        for column in self.columns:
            if column.name.lower() == name.lower():
                return column
        names = ", ".join(column.name for column in self.columns)
        raise LandingError(f"{self.files[0]} has no column {name}; it has: {names}")


def identifier(name: str) -> str:
    """The name of a column or event type in the form that settings accept."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    plain = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")
    return f"n_{plain}"[:50] if not plain or plain[0].isdigit() else plain[:50]


def id_text(column: Column) -> str:
    """SQL for an id as text; 17850.0 becomes 17850."""
    if column.is_whole:
        return f"cast(try_cast({quoted(column.name)} as bigint) as varchar)"
    return f"nullif(trim({text_of(column)}), '')"


def text_of(column: Column) -> str:
    """SQL for a column as text."""
    return quoted(column.name) if column.type == "VARCHAR" else f"cast({quoted(column.name)} as varchar)"


def profiled(con: duckdb.DuckDBPyConnection, table: str, path: str, scratch: Path) -> Profile:
    """Reads the files of a table into `profiled_<table>` and profiles every column.

    Raises: LandingError for no matching file, or files without a header.
    """
    relation, names, read = f"profiled_{table}", [], 0
    rows = 0
    for file in source_files(table, Source(path=path), scratch, Engine()):
        names.append(file.name)
        if rows < LOOK_ROWS:
            rows = _append(con, relation, file, first=read == 0)
            read += 1
    nested = _unfold(con, relation) if form(names[0]) == "json" else {}
    columns = [_column(con, relation, str(name), str(kind)) for name, kind in _described(con, relation)]
    return Profile(relation, names, read, rows, columns, nested)


def _unfold(con: duckdb.DuckDBPyConnection, relation: str) -> dict[str, tuple[str, str]]:
    """Adds a column for each key of an object, named as `sources.*.columns` reads it, such as actor.login."""
    nested = {}
    for name, _ in _described(con, relation):
        values = con.execute(
            f"select {quoted(name)} from {relation} where {quoted(name)} is not null limit {OBJECTS}"
        ).fetchall()
        if not values or not all(str(value).startswith("{") for (value,) in values):
            continue
        for key in dict.fromkeys(key for (value,) in values for key in json.loads(value) if key.isidentifier()):
            nested[f"{name}.{key}"] = (name, key)
            text = f"json_extract_string({quoted(name)}, {literal('$.' + key)})"
            con.execute(f"alter table {relation} add column {quoted(f'{name}.{key}')} varchar")
            con.execute(f"update {relation} set {quoted(f'{name}.{key}')} = {text}")
        con.execute(f"alter table {relation} drop column {quoted(name)}")
    return nested


def _append(con: duckdb.DuckDBPyConnection, relation: str, file: SourceFile, first: bool) -> int:
    source = opened(con, file, [])
    names = [name for name, _ in _described(con, "source") if name.lower() in source.names]
    if all(re.fullmatch(r"[\d.:+ -]*", name) for name in names):
        raise LandingError(
            f"{file.name} has no header: its first line is {', '.join(source.names)}; add one with names"
        )
    if first:
        columns = ", ".join(quoted(name) for name in names)
        con.execute(f"create temp table {relation} as select {columns} from source")
    else:
        existing = {name.lower() for name, _ in _described(con, relation)}
        shared = ", ".join(quoted(name) for name in names if name.lower() in existing)
        con.execute(f"insert into {relation} by name select {shared} from source")
    con.execute("drop view source")
    return int(con.execute(f"select count(*) from {relation}").fetchall()[0][0])


def _described(con: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in con.execute(f"describe {relation}").fetchall()]


def _column(con: duckdb.DuckDBPyConnection, relation: str, name: str, kind: str) -> Column:
    column = quoted(name)
    # pandas writes NaN for missing values
    given = f"case when isfinite({column}) then {column} end" if kind in ("DOUBLE", "FLOAT") else column
    text = f"nullif(trim(cast({given} as varchar)), '')"
    rows, filled, distinct, whole, numbers, negative, longest = con.execute(f"""
        select
            count(*),
            count({text}),
            approx_count_distinct({text}),
            count(*) filter (
                try_cast({text} as double) = floor(try_cast({text} as double))
                and try_cast({text} as bigint) is not null
                and not regexp_matches({text}, '^-?0[0-9]')
            ),
            count(try_cast({text} as double)),
            count(*) filter (try_cast({text} as double) < 0),
            coalesce(max(len({text})), 0)
        from {relation}""").fetchall()[0]
    is_number = bool(filled) and numbers >= NEARLY_ALL * filled and kind != "BOOLEAN"
    levels = _levels(con, relation, text) if filled and distinct <= MANY_LEVELS else {}
    moment = _moment(con, relation, column, kind, is_number) if filled else None
    return Column(
        name,
        kind,
        rows,
        filled,
        distinct,
        bool(filled) and whole == filled,
        is_number,
        negative,
        longest,
        levels,
        moment,
    )


def _levels(con: duckdb.DuckDBPyConnection, relation: str, text: str) -> dict[str, int]:
    rows = con.execute(
        f"select {text} as level, count(*) as n from {relation} where {text} is not null "
        f"group by level order by n desc, level limit {MANY_LEVELS}"
    ).fetchall()
    return {str(level): int(n) for level, n in rows}


def _moment(con: duckdb.DuckDBPyConnection, relation: str, column: str, kind: str, is_number: bool) -> Moment | None:
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return Moment(has_zone="TIME ZONE" in kind)
    text = f"trim(cast({column} as varchar))"
    sample = (
        f"(select {text} as value from {relation} where {column} is not null "
        f"using sample reservoir({MOMENT_VALUES} rows) repeatable (1))"
    )
    if is_number:
        return _numeric_moment(con, sample)
    fits = _share(con, sample, "try_cast(value as timestamptz) is not null")
    if fits >= NEARLY_ALL:
        zoned = _share(con, sample, "regexp_matches(value, '[0-9 ](Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)$')")
        return Moment(has_zone=zoned >= NEARLY_ALL)
    formats = tuple(pattern for pattern in FORMATS if _strptime_share(con, sample, pattern) >= NEARLY_ALL)
    return Moment(formats, "%z" in formats[0]) if formats else None


def _numeric_moment(con: duckdb.DuckDBPyConnection, sample: str) -> Moment | None:
    for pattern in ("%Y%m%d", "%Y%m%d%H%M%S"):
        if _strptime_share(con, sample, pattern) >= NEARLY_ALL:
            return Moment((pattern,))
    for name, scale in EPOCHS.items():
        low, high = (edge * scale for edge in EPOCH_RANGE)
        if _share(con, sample, f"cast(value as double) between {low} and {high}") >= NEARLY_ALL:
            return Moment((name,), has_zone=True)
    return None


def _strptime_share(con: duckdb.DuckDBPyConnection, sample: str, pattern: str) -> float:
    return _share(con, sample, f"year(try_strptime(value, {literal(pattern)})) between 1970 and 2100")


def _share(con: duckdb.DuckDBPyConnection, sample: str, condition: str) -> float:
    share = con.execute(f"select avg(cast(coalesce({condition}, false) as integer)) from {sample}").fetchall()[0][0]
    return float(share or 0)
