"""Commands that write HTML pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from churn_duck.jobs.run_log import recorded
from churn_duck_cli.app import command
from churn_duck_cli.options import AsOf, Common, Json
from churn_duck_cli.printing import common as show
from churn_duck_cli.printing import pages as show_pages

PANEL = "Pages"
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", help="HTML file to write; default: in the warehouse's reports folder.")
]


@command(PANEL, "card --out card.html")
def card(
    context: typer.Context,
    version: Annotated[str | None, typer.Argument(help="Version; default: production.")] = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Write the model card: one HTML page with everything that a user of the model must know."""
    from churn_duck.model.registry import find_version
    from churn_duck.pages.card.content import card as describe
    from churn_duck.pages.card.content import write_card

    common: Common = context.obj
    with show.progress() as progress, recorded(common.warehouse, "card") as (con, entry):
        model = find_version(con, common.warehouse, version)
        progress(f"describing {model.model_version}")
        content = describe(con, common.warehouse, model)
        entry.model_version = model.model_version
    path = write_card(common.warehouse, content, out)
    show.result({"file": str(path), **content}, json or common.json, show_pages.written)


@command(PANEL, "report --out report.html")
def report(context: typer.Context, as_of: AsOf = None, out: Out = None, json: Json = False) -> None:
    """Write the team report: whom to call, what moved, drift, realised performance, health of the data."""
    from churn_duck.jobs.report import report as gather
    from churn_duck.pages.report.content import write_report

    common: Common = context.obj
    with show.progress() as progress, recorded(common.warehouse, "report", as_of) as (con, entry):
        content = gather(con, common.warehouse, as_of, progress)
        entry.as_of_date = content["as_of_date"]
    path = write_report(common.warehouse, content, out)
    show.result({"file": str(path), **content}, json or common.json, show_pages.report)
