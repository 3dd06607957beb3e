"""The whole job on an invented business, which never mixes with anybody's own data."""

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
    """Invent `world`, land it in place of what an earlier demo invented, and run.

    Raises: WarehouseError when the warehouse holds data of somebody's own; ChurnDuckError as `run` does.
    """
    if warehouse.raw("users").exists() and not warehouse.is_invented:
        raise WarehouseError(
            f"{warehouse.root} holds data that demo did not invent, and invented users must not mix with it; "
            "run: churn-duck --warehouse DIR demo"
        )
    for done in generate(world, warehouse.generated):
        progress(f"inventing users: {done:,} of {world.n_users:,}")
    for folder in (warehouse.root / "raw", warehouse.root / "quarantine"):
        shutil.rmtree(folder, ignore_errors=True)
    users, events = (str(warehouse.generated / f"{table}.parquet") for table in ("users", "events"))
    landed = land_sources(warehouse, users, events, progress)
    return replace(run(con, warehouse, None, None, progress, force=True), landed=landed)
