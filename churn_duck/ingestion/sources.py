"""Where users and events come from: files, folders, buckets, databases; each becomes local files, one at a time."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from churn_duck.errors import LandingError
from churn_duck.settings.config import Engine, Source
from churn_duck.warehouse.query import literal
from churn_duck.warehouse.store import engine_config

FORMS = {
    "parquet": (".parquet", ".pq"),
    "csv": (".csv", ".tsv", ".txt"),
    "json": (".jsonl", ".ndjson", ".json"),
}


@dataclass(frozen=True)
class SourceFile:
    """A local file to read. `name` is its name in messages; `hive` are the key=value pairs of its folders.

    `query_key` identifies a query: its newer result replaces the older one. None: a file, which adds to the others.
    """

    path: Path
    name: str
    query_key: str | None = None
    hive: Mapping[str, str] = field(default_factory=dict)


def source_files(table: str, source: Source, scratch: Path, engine: Engine) -> Iterator[SourceFile]:
    """Every file of a source by name; a file downloaded to `scratch` is deleted after its turn.

    Raises: LandingError for no matching file, an unset variable, a refused connection or a query with an error.
    """
    if source.query is not None:
        yield _query_result(table, _expanded(source.query), _expanded(source.connection or ""), scratch, engine)
        return
    if source.path is None:
        raise LandingError(f"no source for {table}; give --{table} FILE, or set sources.{table}")
    path = _expanded(source.path)
    if is_remote(path):
        yield from _downloaded(table, path, scratch)
        return
    for name in _matching(table, path):
        yield SourceFile(Path(name), name, hive=_partition(name))


def is_remote(path: str) -> bool:
    """Whether a path is in a bucket."""
    return path.startswith("s3://")


def form(path: str) -> str | None:
    """`parquet`, `csv` or `json` by the suffix of the name; None for any other."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes[-2:]]
    last = suffixes[0 if suffixes[-1:] == [".gz"] else -1] if suffixes else ""
    return next((name for name, endings in FORMS.items() if last in endings), None)


def _expanded(text: str) -> str:
    """The text with `${NAME}` replaced from the environment, so that files need no secrets."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise LandingError(f"the environment variable {match[1]} is not set; sources.* uses it as {match[0]}")
        return os.environ[match[1]]

    return re.sub(r"\$\{(\w+)\}", value, text)


def _matching(table: str, path: str) -> list[str]:
    pattern = f"{glob.escape(path)}/**" if Path(path).is_dir() else path
    names = [name for name in sorted(glob.glob(pattern, recursive=True)) if Path(name).is_file()]
    if Path(path).is_dir():
        names = [name for name in names if _is_data(name)]
    if not names:
        raise LandingError(f"no file matches --{table} {path}")
    return names


def _is_data(name: str) -> bool:
    """Whether a file in a folder is data: neither hidden nor Spark's _SUCCESS."""
    return form(name) is not None and not Path(name).name.startswith(("_", "."))


def _partition(path: str) -> dict[str, str]:
    """The key=value pairs among the folders of a path."""
    pairs = [part.split("=", 1) for part in Path(path).parts[:-1] if "=" in part]
    return {key.lower(): unquote(value) for key, value in pairs}


def _downloaded(table: str, url: str, scratch: Path) -> Iterator[SourceFile]:
    """Downloads the objects of a bucket one at a time; each is hashed and then read twice."""
    bucket = _bucket()
    for name in _attempt(url, lambda: _objects(bucket, url)):
        local = scratch / name.rsplit("/", 1)[-1]
        _attempt(f"s3://{name}", lambda name=name, local=local: bucket.get_file(name, str(local)))  # type: ignore[misc]
        yield SourceFile(local, f"s3://{name}", hive=_partition(name))
        local.unlink(missing_ok=True)


def _bucket() -> Any:
    try:
        import s3fs  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise LandingError("reading s3:// needs a package; run: pip install 'churn-duck[s3]'") from error
    return s3fs.S3FileSystem(use_listings_cache=False)


def _objects(bucket: Any, url: str) -> list[str]:
    """Object names that match a glob, or all below a prefix."""
    key = url.removeprefix("s3://")
    if any(sign in key for sign in "*?["):
        names = bucket.glob(key)
    else:
        names = [key] if bucket.isfile(key) else [name for name in bucket.find(key) if _is_data(name)]
    if not names:
        raise LandingError(f"no object matches {url}")
    return sorted(names)


def _attempt(place: str, work: Callable[[], Any]) -> Any:
    """The result of `work`; an error names the place and the cause, never a secret."""
    try:
        return work()
    except LandingError:
        raise
    except Exception as error:
        raise LandingError(
            f"cannot read {place}: {type(error).__name__}: {error}; check the address and the keys in the environment"
        ) from error


def _query_result(table: str, query: str, connection: str, scratch: Path, engine: Engine) -> SourceFile:
    """The result of a query as one Parquet file."""
    path = scratch / f"{table}.parquet"
    place = _place(connection)
    if connection:
        _attempt(place, lambda: _from_database(connection, query, path))
    else:
        _from_duckdb(query, path, scratch, engine)
    key = hashlib.sha256("\n".join([table, query, place]).encode()).hexdigest()[:15]
    return SourceFile(path, f"query on {place}", query_key=key)


def _place(connection: str) -> str:
    """Where a query runs, without user and password."""
    if not connection:
        return "DuckDB"
    parts = urlsplit(connection)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


def _from_database(connection: str, query: str, path: Path) -> None:
    """Streams the result in batches, in a read-only transaction."""
    if urlsplit(connection).scheme not in ("postgresql", "postgres"):
        raise LandingError(f"{_place(connection)} is not a postgresql:// connection, the only supported database")
    try:
        from adbc_driver_postgresql import dbapi  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise LandingError("reading postgresql:// needs a package; run: pip install 'churn-duck[postgres]'") from error
    with dbapi.connect(connection) as server, server.cursor() as cursor:
        cursor.execute("set transaction read only")
        cursor.execute(query)
        reader = cursor.fetch_record_batch()
        schema = pa.schema([pa.field(column.name, _plain_type(column.type)) for column in reader.schema])
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(_plain(batch, schema))


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """The storage type of types that only the driver knows (numeric, uuid, jsonb)."""
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _plain(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [column.storage if isinstance(column, pa.ExtensionArray) else column for column in batch.columns]
    return pa.record_batch(columns, schema=schema)


def _from_duckdb(query: str, path: Path, scratch: Path, engine: Engine) -> None:
    with closing(duckdb.connect(config=engine_config(engine, scratch / "spill"))) as con:
        con.execute("set TimeZone = 'UTC'")
        if "s3://" in query:
            con.register_filesystem(_bucket())
        try:
            con.execute(f"copy ({query.strip().rstrip(';')}) to {literal(str(path))} (format parquet)")
        except duckdb.Error as error:
            raise LandingError(f"the query for {path.stem} fails: {error}") from error
