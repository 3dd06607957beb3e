"""Commands from raw files to validated data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from churn_duck.ingestion import validate as checks
from churn_duck.ingestion.land import land_configured, land_sources
from churn_duck.jobs.run_log import recorded
from churn_duck_cli.app import command
from churn_duck_cli.options import Common, Events, Json, Users
from churn_duck_cli.printing import common as show
from churn_duck_cli.printing import ingestion as show_ingestion

PANEL = "Data"
FILES = "Parquet, CSV or JSON lines; a file, a glob or a folder."
ROLES = ("user_id", "event_time", "event_type", "event_id", "signup_date")


def _column_roles(columns: list[str]) -> dict[str, str]:
    """Returns role to column name.

    Raises: BadParameter when an entry is not ROLE=NAME, or the role is unknown.
    """
    pairs = [column.partition("=") for column in columns]
    for column, (role, equals, _) in zip(columns, pairs, strict=True):
        if role not in ROLES or not equals:
            raise typer.BadParameter(f"--column {column}: expected ROLE=NAME, where ROLE is one of {', '.join(ROLES)}")
    return {role: name for role, _, name in pairs}


@command(PANEL, "init --users users.csv --events events.csv")
def init(
    context: typer.Context,
    events: Annotated[str, typer.Option(metavar="FILE", help=FILES)],
    users: Annotated[
        str | None, typer.Option(metavar="FILE", help="The same; without it, users are derived from their events.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE=NAME", help=f"Column for a role: {', '.join(ROLES)}. Repeatable."),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Configuration file to write.")] = Path("churn_duck.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    json: Json = False,
) -> None:
    """Inspect your files and write a commented configuration that runs."""
    from churn_duck.ingestion.proposal_yaml import proposal_text
    from churn_duck.ingestion.propose import propose
    from churn_duck.warehouse.files import write_text

    common: Common = context.obj
    if out.exists() and not force:
        raise typer.BadParameter(f"{out} exists; give another --out, or --force")
    roles = _column_roles(column or [])
    with show.progress() as progress:
        proposal = propose(events, users, roles, progress)
    write_text(out, proposal_text(proposal))
    if json or common.json:
        show.as_json({"file": str(out), "settings": proposal.content, "doubts": proposal.doubts})
    else:
        show_ingestion.proposal(out, proposal)


@command(PANEL, "land --users users.parquet --events events.parquet")
def land(
    context: typer.Context,
    users: Users = None,
    events: Events = None,
    json: Json = False,
) -> None:
    """Load users and events into the warehouse as typed Parquet; without options: the configured sources."""
    common: Common = context.obj
    sources = common.warehouse.settings.sources
    are_given = users is not None or events is not None
    if not (are_given or sources.users.is_given or sources.events.is_given):
        raise typer.BadParameter("give --users FILE, --events FILE or both, or configure sources")
    with show.progress() as progress, recorded(common.warehouse, "land") as (_, entry):
        if are_given:
            landed = land_sources(common.warehouse, users, events, progress)
        else:
            landed = land_configured(common.warehouse, progress)
        entry.row_count = sum(file.rows for file in landed if not file.already_landed)
    show.result(landed, json or common.json, show_ingestion.landed)


@command(PANEL, "validate")
def validate(context: typer.Context, json: Json = False) -> None:
    """Check the landed data against every rule; exit 1 if one fails."""
    common: Common = context.obj
    with show.progress() as progress, recorded(common.warehouse, "validate") as (con, entry):
        progress("validating")
        rules = checks.validate(con, common.warehouse)
        entry.row_count = sum(rule.offences for rule in rules)
        failed = [rule.rule for rule in rules if rule.verdict == "fail"]
        if failed:
            entry.outcome, entry.exit_code, entry.message = "failed", 1, ", ".join(failed)
    show.result(rules, json or common.json, show_ingestion.rules)
    checks.require_valid(rules)
