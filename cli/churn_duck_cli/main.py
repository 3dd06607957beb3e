"""The one boundary where errors become messages and exit codes (docs/exit_codes.md)."""

from __future__ import annotations

import os
import sys

import duckdb
import typer

from churn_duck.errors import ChurnDuckError
from churn_duck_cli import (  # noqa: F401  (importing registers the commands)
    data,
    learn,
    performance,
    proof,
    report,
    retraining,
    serving,
    setup,
    versions,
    watch,
)
from churn_duck_cli.app import app

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
        return _interrupted()
    except RuntimeError as error:
        # DuckDB's word for Ctrl-C in the middle of a query
        if "Query interrupted" in str(error):
            return _interrupted()
        raise
    except BrokenPipeError:
        # the reader of stdout has left, and takes nothing more, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, duckdb.Error) as error:
        typer.echo(f"error: {error}", err=True)
        return 1
    # typer turns Ctrl-C in a command into this code, without a word
    return _interrupted() if result == INTERRUPTED else int(result or 0)


def _interrupted() -> int:
    typer.echo("interrupted; the warehouse is as it was before this step", err=True)
    return INTERRUPTED
