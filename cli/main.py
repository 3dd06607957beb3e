"""The one boundary where errors become messages and exit codes (docs/exit_codes.md)."""

from __future__ import annotations

import sys

import typer

from churn_duck.errors import ChurnDuckError
from cli import data, learn  # noqa: F401  (importing registers the commands)
from cli.app import app

USAGE, INTERRUPTED = 64, 130
# typer has carried its own click since 0.26 and gives no public name to the class of all usage errors
UsageError: type[Exception] = typer.BadParameter.__bases__[0]


def main(arguments: list[str] | None = None) -> None:
    """Run a command and leave with its exit code."""
    sys.exit(_exit_code(arguments))


def _exit_code(arguments: list[str] | None) -> int:
    try:
        result = app(args=arguments, standalone_mode=False)
    except ChurnDuckError as error:
        typer.echo(f"error: {error}", err=True)
        return error.exit_code
    except UsageError as error:
        error.show()  # type: ignore[attr-defined]
        return USAGE
    except (typer.Abort, KeyboardInterrupt):
        typer.echo("interrupted; the warehouse is as it was before this step", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        return 0
    return result if isinstance(result, int) else 0
