"""The whole job on synthetic data, in a warehouse without any other data."""

from __future__ import annotations

import shutil
from dataclasses import replace

import duckdb

from churn_duck.errors import WarehouseError
from churn_duck.ingestion.land import land_sources
from churn_duck.jobs.run import Ran, run
from churn_duck.progress import Progress
from churn_duck.proof.generate import generate
from churn_duck.proof.synthetic import World
from churn_duck.warehouse.store import Warehouse


def demo(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, world: World, progress: Progress) -> Ran:
    """Generate `world`, land it in place of the data of an earlier demo, and run.

    Raises: WarehouseError when the warehouse holds data that no demo generated; ChurnDuckError as `run` does.
    """
    if warehouse.raw("users").exists() and not warehouse.is_invented:
        raise WarehouseError(
            f"{warehouse.root} holds data that demo did not generate; demo users must not mix with it; "
            "run: churn-duck --warehouse DIR demo"
        )
    for user_count in generate(world, warehouse.generated):
        progress(f"generating users: {user_count:,} of {world.n_users:,}")
    for folder in (warehouse.root / "raw", warehouse.root / "quarantine"):
        shutil.rmtree(folder, ignore_errors=True)
    users, events = (str(warehouse.generated / f"{table}.parquet") for table in ("users", "events"))
    landed = land_sources(warehouse, users, events, progress)
    return replace(run(con, warehouse, None, None, progress, force=True), landed=landed)
