"""The folder that the engine keeps on disk, and its one DuckDB file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from churn_duck.catalog import rendered
from churn_duck.config import Engine, Settings
from churn_duck.errors import WarehouseError
from churn_duck.lock import LOCK_WAIT_SECONDS, writing
from churn_duck.raw_files import RawFiles, counting, raw_names

# the format that DuckDB 1.5 shells read too
STORAGE_VERSION = "v1.5.0"

# hears each step of long work
Tell = Callable[[str], None]


def unheard(step: str) -> None:
    """For work that nobody listens to."""


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


def see_world(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, even_if_silent: bool = False
) -> date:
    """Let every view end on the evening of `as_of` (None: the last complete day); the date they end on.

    A day long after the last event is refused unless `even_if_silent`.
    Raises: WarehouseError when the warehouse is not built, was built from other files or settings, or has no such day.
    """
    params = rendered(warehouse.settings, warehouse.raw_files(), as_of)["params"]
    before = _require_built(con, warehouse)
    with transaction(con):
        con.execute(params)
        for changed, was, now in zip(
            ("files have landed", "settings or SQL have changed", "the folder has moved"),
            before,
            _require_built(con, warehouse),
            strict=True,
        ):
            if was != now:
                raise WarehouseError(f"{changed} since {warehouse.database} was built; run: churn-duck build")
        return _checked_end(con, even_if_silent)


class Built(NamedTuple):
    """What views and tables were made from: digests of the landed files and of the SQL, and where the files were."""

    data_hash: str
    sql_hash: str
    raw_folder: str


def built(con: duckdb.DuckDBPyConnection) -> Built | None:
    """What `params` tells; None before the first build."""
    try:
        return Built(*con.execute("select data_hash, sql_hash, raw_folder from params").fetchall()[0])
    except duckdb.CatalogException:
        return None


def _require_built(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> Built:
    found = built(con)
    if found is None:
        raise WarehouseError(f"{warehouse.database} has not been built; run: churn-duck build")
    return found


def _checked_end(con: duckdb.DuckDBPyConnection, even_if_silent: bool) -> date:
    first, last, end, slack = con.execute(
        "select first_event_date, last_event_date, as_of_date, smallest_window_days from period cross join params"
    ).fetchall()[0]
    if first is None:
        raise WarehouseError("there is not one clean event; churn-duck validate says why")
    # beyond the smallest window everyone would look silent, and the data ending would be taken for users leaving
    if end < first or (not even_if_silent and (end - last).days >= slack):
        raise WarehouseError(f"as-of date {end} has no data; clean events run from {first} to {last}")
    return date.fromisoformat(str(end))


@contextmanager
def working(warehouse: Warehouse, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse alone to this process, connected. Raises: WarehouseError naming who has it."""
    wait_seconds = warehouse.settings.engine.lock_wait_seconds
    with writing(warehouse.root, purpose, wait_seconds), connected(warehouse) as con:
        yield con


def described(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """How much is in the warehouse, and of which days."""
    row = con.execute("""select
            (select count(*) from users_clean),
            (select count(*) from user_activity),
            (select count(*) from changed_days),
            cast(first_event_date as varchar),
            cast(last_event_date as varchar),
            cast(as_of_date as varchar)
        from period""").fetchall()[0]
    return dict(
        zip(
            ("users", "active_days", "changed_days", "first_event_date", "last_event_date", "as_of_date"),
            row,
            strict=True,
        )
    )
