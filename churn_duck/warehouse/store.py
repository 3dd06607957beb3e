"""The warehouse folder on disk, and connections to its DuckDB file."""

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

# the newest format that DuckDB 1.5 shells can read
STORAGE_VERSION = "v1.5.0"


DuckConfig = dict[str, str | bool | int | float | list[str]]


@dataclass(frozen=True)
class Warehouse:
    """Paths in the warehouse folder, and the settings."""

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
        """Whether `demo` created this warehouse."""
        return self.generated.is_dir()

    def raw(self, table: str) -> Path:
        return self.root / "raw" / table

    def quarantine(self, table: str) -> Path:
        return self.root / "quarantine" / table

    def landed(self, table: str) -> list[Path]:
        """The raw files that count, by landing."""
        folder = self.raw(table)
        return [folder / name for name in counting(raw_names(folder))]

    def replaced(self, table: str) -> list[Path]:
        """The raw files whose content or query landed again later."""
        folder = self.raw(table)
        names = raw_names(folder)
        return [folder / name for name in sorted(set(names) - set(counting(names)))]

    def raw_files(self) -> RawFiles:
        """The landed files that count.

        Raises: WarehouseError when no users or no events have landed.
        """
        users, events = (counting(raw_names(self.raw(table))) for table in ("users", "events"))
        for table, names in (("users", users), ("events", events)):
            if not names:
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
        """The landed files, or the patterns of their future paths, to show SQL before anything has landed."""
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
    """DuckDB's limits as a connection config; data beyond the memory limit spills to `spill`."""
    config: DuckConfig = {"temp_directory": str(spill)}
    if engine.threads is not None:
        config["threads"] = engine.threads
    if engine.memory_limit is not None:
        config["memory_limit"] = engine.memory_limit
    return config


@contextmanager
def connected(warehouse: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    """Connects to the DuckDB file with the engine settings and time zone UTC.

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
                raise WarehouseError(f"{database} is open in another process (a shell?); close it. {error}") from error
            print(f"waiting: {database} is open in another process", file=sys.stderr)
            time.sleep(2)


def opened_snapshot(path: Path) -> duckdb.DuckDBPyConnection:
    """Opens a published file read-only; the connection reads no other file and writes none.

    A process can open a file with only one configuration, so every reader must use this function. One thread a query:
    lookups of one user gain nothing from more, and requests already run in parallel.
    """
    # resolved: under a symbolic link, DuckDB would reuse the file that the link pointed to before
    return duckdb.connect(
        path.resolve(),
        read_only=True,
        config={"enable_external_access": False, "temp_directory": "", "lock_configuration": True, "threads": 1},
    )


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commits when the block ends, rolls back on any error."""
    con.execute("begin")
    try:
        yield
    except BaseException:
        con.execute("rollback")
        raise
    con.execute("commit")


@contextmanager
def working(warehouse: Warehouse, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Locks the warehouse for this process and connects. Raises: WarehouseError naming the lock holder."""
    wait_seconds = warehouse.settings.engine.lock_wait_seconds
    with writing(warehouse.root, purpose, wait_seconds), connected(warehouse) as con:
        upgrade(con)
        yield con


def utc_now() -> datetime:
    """The current time in UTC, without a zone, as in DuckDB's TIMESTAMP."""
    return datetime.now(UTC).replace(tzinfo=None)
