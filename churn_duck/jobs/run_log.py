"""The run log: a row of `runs` for every command that changes the warehouse, however it ends."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime

import duckdb

from churn_duck import __version__
from churn_duck.errors import ChurnDuckError, NothingNew, WarehouseError
from churn_duck.serving.prometheus import write_textfile
from churn_duck.warehouse.catalog import find
from churn_duck.warehouse.store import Warehouse, utc_now, working

log = logging.getLogger("churn_duck")
INTERRUPTED = 130


@dataclass
class Entry:
    """The columns of `runs` that a command fills in."""

    outcome: str = "ok"
    exit_code: int = 0
    message: str | None = None
    as_of_date: date | None = None
    row_count: int | None = None
    model_version: str | None = None


@contextmanager
def recorded(
    warehouse: Warehouse, command: str, as_of: date | None = None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Entry]]:
    """Yields a connection with exclusive use of the warehouse, and the entry that becomes a row of `runs`.

    Raises: WarehouseError naming the process that holds the warehouse; whatever the command raises.
    """
    with working(warehouse, command) as con:
        entry = Entry(as_of_date=as_of)
        started = _begin(con, command)
        log.info("started", extra={"command": command, "as_of_date": as_of})
        try:
            yield con, entry
        except BaseException as error:
            entry.outcome, entry.exit_code = _ending(error)
            entry.message = str(error) or type(error).__name__
            raise
        finally:
            _end(con, warehouse, started, entry)
            _expose(con, warehouse)
            # `message` is reserved by the log record
            fields = {("run_message" if name == "message" else name): value for name, value in vars(entry).items()}
            log.info("ended", extra={"command": command, **fields})


def _begin(con: duckdb.DuckDBPyConnection, command: str) -> datetime:
    # before the first build the table does not exist
    con.execute(find("runs").path.read_text(encoding="utf-8"))
    con.execute("update runs set outcome = 'killed' where outcome = 'running'")
    started = utc_now()
    con.execute(
        """insert into runs (started_at, command, outcome, churn_duck_version, duckdb_version)
        values (?, ?, 'running', ?, ?)""",
        [started, command, __version__, duckdb.__version__],
    )
    return started


def _ending(error: BaseException) -> tuple[str, int]:
    if isinstance(error, KeyboardInterrupt) or "Query interrupted" in str(error):
        return "interrupted", INTERRUPTED
    if isinstance(error, NothingNew):
        return "no_new_data", error.exit_code
    return "failed", error.exit_code if isinstance(error, ChurnDuckError) else 1


def _end(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, started: datetime, entry: Entry) -> None:
    con.execute(
        """update runs set
            ended_at = $ended_at,
            outcome = $outcome,
            exit_code = $exit_code,
            message = $message,
            as_of_date = $as_of_date,
            row_count = $row_count,
            model_version = $model_version,
            data_hash = $data_hash
        where started_at = $started_at""",
        {
            **asdict(entry),
            "ended_at": utc_now(),
            "data_hash": _data_hash(warehouse),
            "started_at": started,
        },
    )


def _expose(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> None:
    """Write the metrics file; a failure to write it does not fail the command."""
    try:
        write_textfile(con, warehouse)
    except (OSError, duckdb.Error) as error:
        log.warning("metrics not written", extra={"error": str(error)})


def _data_hash(warehouse: Warehouse) -> str | None:
    try:
        return warehouse.raw_files().data_hash
    except WarehouseError:
        return None
