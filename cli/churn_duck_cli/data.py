"""Commands from raw files to views."""

from __future__ import annotations

import os
import shutil
import sys
import time
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from churn_duck.errors import WarehouseError
from churn_duck.ingestion import validate as checks
from churn_duck.ingestion.land import land_configured, land_sources
from churn_duck.jobs.run_log import recorded
from churn_duck.proof.synthetic import World
from churn_duck.warehouse import build as building
from churn_duck.warehouse import export as exporting
from churn_duck.warehouse.as_of import described
from churn_duck.warehouse.catalog import listing, shown_sql, sql_files
from churn_duck.warehouse.store import working
from churn_duck_cli import show
from churn_duck_cli.app import app
from churn_duck_cli.options import Events, Global, Json, Start, Users, as_date

DEFAULT = World()


@app.command()
def generate(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the three files.")] = Path("generated"),
    n_users: Annotated[int, typer.Option(min=1, help="Users over the whole period.")] = DEFAULT.n_users,
    days: Annotated[int, typer.Option(min=1, help="Days of events.")] = DEFAULT.days,
    start_date: Start = DEFAULT.start_date,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same files.")] = DEFAULT.seed,
    paid_ratio: Annotated[float, typer.Option(min=0, max=0.99, help="Share of users who pay.")] = DEFAULT.paid_ratio,
    churn_base_rate: Annotated[
        float, typer.Option(min=0, max=0.99, help="Share of users who lose interest within any 120 days.")
    ] = DEFAULT.churn_base_rate,
    change_on: Annotated[
        date | None,
        typer.Option(parser=as_date, metavar="DATE", help="From then on people come rarely and watch longer."),
    ] = None,
) -> None:
    """Invent users.parquet and events.parquet, and truth.parquet apart."""
    from churn_duck.proof.generate import generate as invent

    world = World(n_users, days, start_date, seed, paid_ratio, churn_base_rate, change_on)
    with show.progress() as progress:
        for done in invent(world, out):
            progress(f"{done:,} of {n_users:,} users")
    typer.echo(
        f"{n_users:,} users over {days} days: {out}/users.parquet, {out}/events.parquet; truth: {out}/truth.parquet"
    )


@app.command()
def land(
    context: typer.Context,
    users: Users = None,
    events: Events = None,
    json: Json = False,
) -> None:
    """Bring users and events into the warehouse as typed Parquet; without options: the configured sources."""
    at: Global = context.obj
    sources = at.warehouse.settings.sources
    if users is None and events is None and not (sources.users.is_given or sources.events.is_given):
        raise typer.BadParameter("give --users FILE, --events FILE or both, or configure sources")
    with show.progress() as progress, recorded(at.warehouse, "land") as (_, entry):
        if users is None and events is None:
            landed = land_configured(at.warehouse, progress)
        else:
            landed = land_sources(at.warehouse, users, events, progress)
        entry.row_count = sum(one.rows for one in landed if not one.already_landed)
    show.as_json(landed) if json or at.json else show.landed(landed)


@app.command()
def validate(context: typer.Context, json: Json = False) -> None:
    """Check what has landed against every rule; exit 1 when one fails."""
    at: Global = context.obj
    with show.progress() as progress, recorded(at.warehouse, "validate") as (con, entry):
        progress("validating")
        rules = checks.validate(con, at.warehouse)
        entry.row_count = sum(rule.offences for rule in rules)
        failed = [rule.rule for rule in rules if rule.verdict == "fail"]
        if failed:
            entry.outcome, entry.exit_code, entry.message = "failed", 1, ", ".join(failed)
    show.as_json(rules) if json or at.json else show.rules(rules)
    checks.require_valid(rules)


@app.command()
def build(
    context: typer.Context,
    explain: Annotated[bool, typer.Option("--explain", help="Show rows, seconds and memory of each view.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Make all days anew, not only those that have changed.")] = False,
    json: Json = False,
) -> None:
    """Make every view, and the activity table, from what has landed."""
    at: Global = context.obj
    started = time.monotonic()
    with show.progress() as progress, recorded(at.warehouse, "build") as (con, entry):
        if explain:
            costs = []
            for cost in building.explained(con, at.warehouse, progress):
                costs.append(cost)
                progress(f"looking at {cost.name}")
            show.as_json(costs) if json or at.json else show.costs(costs)
            return
        for name in building.build(con, at.warehouse, full=full):
            progress(f"building {name}")
        world = described(con)
        entry.row_count = world["active_days"]
    content = {"views": len(sql_files()), "seconds": round(time.monotonic() - started, 2), **world}
    if json or at.json:
        show.as_json(content)
    else:
        typer.echo(
            f"{world['users']:,} users, {world['active_days']:,} active days of {world['first_event_date']} to "
            f"{world['last_event_date']}, {world['changed_days']:,} days made anew; "
            f"{content['views']} views in {at.warehouse.database}"
        )


@app.command()
def export(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="View or table; churn-duck sql lists them.")],
    file: Annotated[Path, typer.Argument(help="Ends in .parquet or .csv.")],
) -> None:
    """Write any view or table to a file."""
    at: Global = context.obj
    with show.progress() as progress, working(at.warehouse, "export") as con:
        progress(f"exporting {name}")
        rows = exporting.export(con, name, file)
    show.note(f"{rows:,} rows of {name} in {file}")


@app.command()
def sql(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="A view, table or macro; without it: the list of all.")] = None,
    json: Json = False,
) -> None:
    """Show the SQL of a view as DuckDB gets it, or list all views."""
    at: Global = context.obj
    if name is not None:
        typer.echo(shown_sql(name, at.warehouse.settings, at.warehouse.raw_files_or_pattern()), nl=False)
    elif json or at.json:
        show.as_json(listing())
    else:
        show.views(listing())


@app.command()
def shell(context: typer.Context) -> None:
    """Open the DuckDB shell on the warehouse, read-only."""
    at: Global = context.obj
    if not at.warehouse.database.exists():
        raise WarehouseError(f"{at.warehouse.database} does not exist; run: churn-duck build")
    beside_python = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    program = shutil.which("duckdb", path=beside_python)
    if program is None:
        raise WarehouseError(
            "the DuckDB shell is not installed; run: pip install duckdb-cli, then: "
            f"duckdb -readonly {at.warehouse.database}"
        )
    os.execv(program, [program, "-readonly", str(at.warehouse.database)])
