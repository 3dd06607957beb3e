"""The command that looks at files and writes a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from churn_duck_cli import show
from churn_duck_cli.app import app
from churn_duck_cli.options import Global, Json

ROLES = ("user_id", "event_time", "event_type", "event_id", "signup_date")


def _told(columns: list[str]) -> dict[str, str]:
    told = dict(one.split("=", 1) for one in columns if "=" in one)
    strange = [one for one in columns if one.split("=", 1)[0] not in ROLES or "=" not in one]
    if strange:
        raise typer.BadParameter(f"--column {strange[0]}: write ROLE=NAME with a role of {', '.join(ROLES)}")
    return told


@app.command()
def init(
    context: typer.Context,
    events: Annotated[str, typer.Option(metavar="FILE", help="Parquet, CSV or JSON lines; a glob or folder is fine.")],
    users: Annotated[
        str | None, typer.Option(metavar="FILE", help="The same; without it users are known by their events.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE=NAME", help=f"Name a column yourself; roles: {', '.join(ROLES)}. Repeatable."),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The configuration.")] = Path("churn_duck.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    json: Json = False,
) -> None:
    """Look at your files and write a commented configuration that runs."""
    from churn_duck.ingestion.proposal_yaml import proposal_text
    from churn_duck.ingestion.propose import propose
    from churn_duck.warehouse.files import write_text

    at: Global = context.obj
    if out.exists() and not force:
        raise typer.BadParameter(f"{out} exists; give another --out, or --force")
    told = _told(column or [])
    with show.progress() as progress:
        proposal = propose(events, users, told, progress)
    write_text(out, proposal_text(proposal))
    if json or at.json:
        show.as_json({"file": str(out), "settings": proposal.content, "doubts": proposal.doubts})
    else:
        show.proposed(out, proposal)
