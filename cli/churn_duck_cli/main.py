"""The one boundary where errors become messages and exit codes (docs/exit_codes.md)."""

from __future__ import annotations

import os
import sys

import duckdb
import typer

from churn_duck.errors import ChurnDuckError

# importing a module registers its commands, and this is their order in --help and docs/cli.md
# isort: off
from churn_duck_cli import jobs  # noqa: F401
from churn_duck_cli import ingestion  # noqa: F401
from churn_duck_cli import warehouse  # noqa: F401
from churn_duck_cli import training  # noqa: F401
from churn_duck_cli import scoring  # noqa: F401
from churn_duck_cli import monitoring  # noqa: F401
from churn_duck_cli import pages  # noqa: F401
from churn_duck_cli import serving  # noqa: F401
from churn_duck_cli import proof  # noqa: F401

# isort: on
from churn_duck_cli.app import app
from churn_duck_cli.exit_codes import INTERRUPTED, USAGE

# typer has carried its own click since 0.26 and gives no public name to the class of all usage errors
UsageError: type[Exception] = typer.BadParameter.__bases__[0]


def main(arguments: list[str] | None = None) -> None:
    """Runs a command and exits with its code."""
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
        return _interrupted()
    except RuntimeError as error:
        # what DuckDB raises on Ctrl-C in the middle of a query
        if "Query interrupted" in str(error):
            return _interrupted()
        raise
    except BrokenPipeError:
        # nobody reads stdout any more; without this, Python would fail again when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, duckdb.Error) as error:
        typer.echo(f"error: {error}", err=True)
        return 1
    # typer turns Ctrl-C in a command into this code, without a message
    return _interrupted() if result == INTERRUPTED else int(result or 0)


def _interrupted() -> int:
    typer.echo("interrupted; no changes from this step were saved", err=True)
    return INTERRUPTED
