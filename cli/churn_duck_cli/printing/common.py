"""Printing: data to stdout, progress and messages to stderr."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from typing import TypeVar

import typer
from rich.console import Console

from churn_duck.jobs.run_log import log
from churn_duck.progress import Progress, no_progress

Result = TypeVar("Result")


def note(text: str) -> None:
    """Prints a message on stderr."""
    typer.echo(text, err=True)


def as_json(content: object) -> None:
    """Prints data as JSON on stdout."""
    typer.echo(json.dumps(_plain(content), indent=2, default=str, allow_nan=False))


def result(content: Result, is_json: bool, printer: Callable[[Result], None]) -> None:
    """Prints a command's result on stdout: as JSON, or with `printer`."""
    if is_json:
        as_json(content)
    else:
        printer(content)


def _plain(content: object) -> object:
    if isinstance(content, list):
        return [_plain(item) for item in content]
    if isinstance(content, dict):
        return {key: _plain(value) for key, value in content.items()}
    return asdict(content) if is_dataclass(content) and not isinstance(content, type) else content


@contextmanager
def progress() -> Iterator[Progress]:
    """Yields a callback for the current step: logs with --log-json, a spinner on a terminal, else nothing."""
    console = Console(stderr=True)
    if log.isEnabledFor(logging.INFO):
        yield log.info
    elif console.is_terminal:
        with console.status("starting") as status:
            yield status.update
    else:
        yield no_progress


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], left: int = 1, below: Sequence[Sequence[str]] = ()
) -> None:
    """Prints aligned columns, the first `left` of them to the left, the others to the right; nothing is truncated.

    `below` holds the lines to print under each row.
    """
    lines = [[str(value) for value in row] for row in (columns, *rows)]
    widths = [max(len(line[position]) for line in lines) for position in range(len(columns))]
    for number, line in enumerate(lines, -1):
        cells = [
            cell.ljust(width) if position < left else cell.rjust(width)
            for position, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        typer.echo("  ".join(cells).rstrip())
        for text in below[number] if below and number >= 0 else ():
            typer.echo(f"      {text}")
