"""One small invented business, landed, built, trained, promoted and scored once for all tests that only look."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# two workers with two threads each on two cores wait for one another
os.environ.setdefault("OMP_NUM_THREADS", "1")
# where Python keeps no bytecode, as in many containers, each worker and command would compile all packages anew
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

import duckdb
import pytest

from churn_duck.ingestion.land import land_sources
from churn_duck.jobs.run import Ran, run
from churn_duck.proof.generate import generate
from churn_duck.proof.synthetic import World
from churn_duck.settings.config import Settings
from churn_duck.warehouse.store import Warehouse, connected, open_warehouse, working
from tests.worlds import copied


def silent(step: str) -> None:
    """Hear nothing."""


@pytest.fixture(scope="session")
def business(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated files of 400 users over 200 days."""
    folder = tmp_path_factory.mktemp("business")
    list(generate(World(n_users=400, days=200, seed=7), folder))
    return folder


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory, business: Path) -> tuple[Warehouse, Ran]:
    """The whole main job on it, with default settings."""
    warehouse = open_warehouse(Settings(), tmp_path_factory.mktemp("warehouse"))
    land_sources(warehouse, str(business / "users.parquet"), str(business / "events.parquet"), silent)
    with working(warehouse, "test") as con:
        return warehouse, run(con, warehouse, None, None, silent)


@pytest.fixture
def own(tmp_path: Path, ran: tuple[Warehouse, Ran]) -> Warehouse:
    """A private copy of the scored warehouse, to change at will."""
    return copied(ran[0], tmp_path / "own")


@pytest.fixture
def looking(ran: tuple[Warehouse, Ran]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the shared, scored warehouse: look, do not touch."""
    with connected(ran[0]) as con:
        yield con
