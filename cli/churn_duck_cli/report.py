"""The command that writes the page of the team."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from churn_duck.jobs.run_log import recorded
from churn_duck_cli import show
from churn_duck_cli.app import app
from churn_duck_cli.options import AsOf, Global, Json


@app.command()
def report(
    context: typer.Context,
    as_of: AsOf = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The page; default: among the reports.")] = None,
    json: Json = False,
) -> None:
    """Write the page of the team: whom to call, what moved, drift, what came true, health of the data."""
    from churn_duck.jobs.report import report as gather
    from churn_duck.pages.report.content import write_report

    at: Global = context.obj
    with show.progress() as progress, recorded(at.warehouse, "report") as (con, entry):
        content = gather(con, at.warehouse, as_of, progress)
        entry.as_of_date = content["as_of_date"]
    path = write_report(at.warehouse, content, out)
    show.as_json({"file": str(path), **content}) if json or at.json else typer.echo(path)
    for note in () if json or at.json else content["notes"]:
        typer.echo(f"NOTE: {note}", err=True)
