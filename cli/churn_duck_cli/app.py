"""The typer application and the options that stand before the command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from churn_duck import __version__
from churn_duck.settings.load import load_settings
from churn_duck.warehouse.store import open_warehouse
from churn_duck_cli.logs import log_as_json
from churn_duck_cli.options import Global

app = typer.Typer(
    name="churn-duck",
    help="Who of the still-active users is about to leave: raw files to a ranked list, all SQL on DuckDB.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"churn-duck {__version__}")
        raise typer.Exit


@app.callback()
def before(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(envvar="CHURN_DUCK_CONFIG", metavar="FILE", help="YAML configuration.")
    ] = None,
    warehouse: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where everything is kept; overrides the configuration.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print data as JSON, where there is data.")] = False,
    log_json: Annotated[
        bool, typer.Option("--log-json", envvar="CHURN_DUCK_LOG_JSON", help="Log steps and outcome as JSON lines.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Read the configuration once, for every command."""
    if log_json:
        log_as_json()
    settings = load_settings(config)
    context.obj = Global(settings, open_warehouse(settings, warehouse), json)
