"""The typer application, the options before the command, and how commands are registered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from churn_duck import __version__
from churn_duck.settings.load import load_settings
from churn_duck.warehouse.store import open_warehouse
from churn_duck_cli.logs import log_as_json
from churn_duck_cli.options import Common

Command = TypeVar("Command", bound=Callable[..., Any])

app = typer.Typer(
    name="churn-duck",
    help="Find the active users who are about to leave: from raw files to a ranked list, all in SQL on DuckDB.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def command(panel: str, example: str) -> Callable[[Command], Command]:
    """Registers a command under a panel of `--help`; `example` is a call of it that runs, without `churn-duck`."""
    return app.command(rich_help_panel=panel, epilog=f"Example: churn-duck {example}")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"churn-duck {__version__}")
        raise typer.Exit


@app.callback()
def before(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(envvar="CHURN_DUCK_CONFIG", metavar="FILE", help="YAML configuration file.")
    ] = None,
    warehouse: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Warehouse folder; overrides the configuration.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print data as JSON, for commands that print data.")] = False,
    log_json: Annotated[
        bool, typer.Option("--log-json", envvar="CHURN_DUCK_LOG_JSON", help="Log steps and outcome as JSON lines.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Reads the configuration once, for every command."""
    if log_json:
        log_as_json()
    settings = load_settings(config)
    context.obj = Common(settings, open_warehouse(settings, warehouse), json)
