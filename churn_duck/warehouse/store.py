"""The folder that the engine keeps on disk, and its one DuckDB file."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from churn_duck.errors import WarehouseError
from churn_duck.settings.config import Engine, Settings
from churn_duck.warehouse.lock import LOCK_WAIT_SECONDS, writing
from churn_duck.warehouse.raw_files import RawFiles, counting, raw_names
from churn_duck.warehouse.upgrade import upgrade

# the format that DuckDB 1.5 shells read too
STORAGE_VERSION = "v1.5.0"


DuckConfig = dict[str, str | bool | int | float | list[str]]


@dataclass(frozen=True)
class Warehouse:
    """Where everything is."""

    root: Path
    settings: Settings

    @property
    def database(self) -> Path:
        return self.root / "churn.duckdb"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def predictions(self) -> Path:
        return self.root / "predictions"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def metrics_textfile(self) -> Path:
        return self.reports / "churn_duck.prom"

    @property
    def published(self) -> Path:
        return self.root / "published"

    @property
    def compiled(self) -> Path:
        return self.root / "compiled"

    @property
    def generated(self) -> Path:
        return self.root / "generated"

    @property
    def is_invented(self) -> bool:
        """Whether `demo` made this warehouse."""
        return self.generated.is_dir()

    def raw(self, table: str) -> Path:
        return self.root / "raw" / table

    def quarantine(self, table: str) -> Path:
        return self.root / "quarantine" / table

    def landed(self, table: str) -> list[Path]:
        """The raw files that count, in the order of their landing."""
        folder = self.raw(table)
        return [folder / name for name in counting(raw_names(folder))]

    def replaced(self, table: str) -> list[Path]:
        """The raw files whose content or query a later landing read again."""
        folder = self.raw(table)
        names = raw_names(folder)
        return [folder / name for name in sorted(set(names) - set(counting(names)))]

    def raw_files(self) -> RawFiles:
        """What has landed so far.

        Raises: WarehouseError when users or events are still missing.
        """
        users, events = (counting(raw_names(self.raw(table))) for table in ("users", "events"))
        for table, found in (("users", users), ("events", events)):
            if not found:
                raise WarehouseError(
                    f"no {table} have landed in {self.root}; run: churn-duck land --users FILE --events FILE"
                )
        home = Warehouse(self.root.resolve(), self.settings)
        return RawFiles(
            _within(home.raw("users"), users),
            _within(home.raw("events"), events),
            [*_within(home.quarantine("users"), users), *_within(home.quarantine("events"), events)],
        )

    def raw_files_or_pattern(self) -> RawFiles:
        """What has landed, or the patterns of where it would, for showing SQL before anything is there."""
        try:
            return self.raw_files()
        except WarehouseError:
            users, events = (str(self.raw(table).absolute() / "*.parquet") for table in ("users", "events"))
            return RawFiles([users], [events], [str(self.root.absolute() / "quarantine" / "*" / "*.parquet")])


def _within(folder: Path, names: list[str]) -> list[str]:
    return [f"{folder}/{name}" for name in names]


def open_warehouse(settings: Settings, folder: Path | None = None) -> Warehouse:
    """The warehouse of the settings, or the one in `folder`."""
    return Warehouse(Path(folder or settings.warehouse), settings)


def engine_config(engine: Engine, spill: Path) -> DuckConfig:
    """DuckDB's limits; what exceeds the memory goes to `spill`."""
    config: DuckConfig = {"temp_directory": str(spill)}
    if engine.threads is not None:
        config["threads"] = engine.threads
    if engine.memory_limit is not None:
        config["memory_limit"] = engine.memory_limit
    return config


@contextmanager
def connected(warehouse: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the warehouse's file with the engine settings; UTC throughout.

    Raises: WarehouseError when another process has the file open.
    """
    config = engine_config(warehouse.settings.engine, warehouse.root / ".spill")
    con = _opened(warehouse.database, {"storage_compatibility_version": STORAGE_VERSION, **config})
    try:
        con.execute("set TimeZone = 'UTC'")
        yield con
    finally:
        con.close()


def _opened(database: Path, config: DuckConfig) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            return duckdb.connect(database, config=config)
        except duckdb.IOException as error:
            if "lock" not in str(error).lower():
                raise WarehouseError(f"cannot open {database}: {error}") from error
            if time.monotonic() > deadline:
                raise WarehouseError(f"{database} is open elsewhere, perhaps in a shell; close it. {error}") from error
            print(f"waiting: {database} is open elsewhere", file=sys.stderr)
            time.sleep(2)


def opened_snapshot(path: Path) -> duckdb.DuckDBPyConnection:
    """A published file, read-only; a reader needs no other file than this one, and writes none.

    One process may open a file with one configuration only, so that everybody here opens snapshots by this. One thread
    a query: for questions about a user, more only wait for each other, and requests run beside each other anyway.
    """
    # by its own name: under a link, the process would be given what the link led to before
    return duckdb.connect(
        path.resolve(),
        read_only=True,
        config={"enable_external_access": False, "temp_directory": "", "lock_configuration": True, "threads": 1},
    )


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing."""
    con.execute("begin")
    try:
        yield
    except BaseException:
        con.execute("rollback")
        raise
    con.execute("commit")


@contextmanager
def working(warehouse: Warehouse, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse alone to this process, connected. Raises: WarehouseError naming who has it."""
    wait_seconds = warehouse.settings.engine.lock_wait_seconds
    with writing(warehouse.root, purpose, wait_seconds), connected(warehouse) as con:
        upgrade(con)
        yield con


def utc_now() -> datetime:
    """The moment, UTC, without a zone, as DuckDB's TIMESTAMP holds it."""
    return datetime.now(UTC).replace(tzinfo=None)
