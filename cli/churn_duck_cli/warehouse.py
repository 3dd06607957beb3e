"""Commands over the warehouse: build its views, and read them."""

from __future__ import annotations

import os
import shutil
import sys
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from churn_duck.errors import WarehouseError
from churn_duck.jobs.run_log import recorded
from churn_duck.warehouse import build as building
from churn_duck.warehouse import export as exporting
from churn_duck.warehouse.as_of import described
from churn_duck.warehouse.build import Cost
from churn_duck.warehouse.catalog import listing, shown_sql, sql_files
from churn_duck.warehouse.store import Warehouse, working
from churn_duck_cli.app import command
from churn_duck_cli.options import Common, Json
from churn_duck_cli.printing import common as show
from churn_duck_cli.printing import warehouse as show_warehouse

PANEL = "Warehouse"


@command(PANEL, "build")
def build(
    context: typer.Context,
    explain: Annotated[bool, typer.Option("--explain", help="Show rows, seconds and memory of each view.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Rebuild everything, not only the days that changed.")] = False,
    json: Json = False,
) -> None:
    """Build every view and the activity table from the landed data."""
    common: Common = context.obj
    if explain:
        show.result(_costs(common.warehouse), json or common.json, show_warehouse.costs)
    else:
        printer = partial(show_warehouse.built, database=common.warehouse.database)
        show.result(_built(common.warehouse, full), json or common.json, printer)


def _costs(warehouse: Warehouse) -> list[Cost]:
    """Builds everything, and returns what each view takes."""
    costs = []
    with show.progress() as progress, recorded(warehouse, "build") as (con, _):
        for cost in building.explained(con, warehouse, progress):
            costs.append(cost)
            progress(f"measuring {cost.name}")
    return costs


def _built(warehouse: Warehouse, full: bool) -> dict[str, Any]:
    """Builds, and returns what the warehouse then holds and how many seconds that took."""
    started = time.monotonic()
    with show.progress() as progress, recorded(warehouse, "build") as (con, entry):
        for name in building.build(con, warehouse, full=full):
            progress(f"building {name}")
        content = described(con)
        entry.row_count = content["active_days"]
    return {"views": len(sql_files()), "seconds": round(time.monotonic() - started, 2), **content}


@command(PANEL, "export user_labels labels.parquet")
def export(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="View or table; `churn-duck sql` lists them.")],
    file: Annotated[Path, typer.Argument(help="Output file; must end in .parquet or .csv.")],
) -> None:
    """Write any view or table to a Parquet or CSV file."""
    common: Common = context.obj
    with show.progress() as progress, working(common.warehouse, "export") as con:
        progress(f"exporting {name}")
        rows = exporting.export(con, name, file)
    show.note(f"{rows:,} rows of {name} in {file}")


@command(PANEL, "sql user_features")
def sql(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="View, table or macro; default: list all.")] = None,
    json: Json = False,
) -> None:
    """Show the SQL of a view as DuckDB runs it, or list all views."""
    common: Common = context.obj
    if name is None:
        show.result(listing(), json or common.json, show_warehouse.views)
    else:
        typer.echo(shown_sql(name, common.warehouse.settings, common.warehouse.raw_files_or_pattern()), nl=False)


@command(PANEL, "shell")
def shell(context: typer.Context) -> None:
    """Open a read-only DuckDB shell on the warehouse."""
    common: Common = context.obj
    database = common.warehouse.database
    if not database.exists():
        raise WarehouseError(f"{database} does not exist; run: churn-duck build")
    folders = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    program = shutil.which("duckdb", path=folders)
    if program is None:
        raise WarehouseError(
            f"the DuckDB shell is not installed; run: pip install duckdb-cli, then: duckdb -readonly {database}"
        )
    os.execv(program, [program, "-readonly", str(database)])
