"""Printing where a page was written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from churn_duck_cli.printing import common as show


def written(content: Mapping[str, Any]) -> None:
    """Prints the path of a page."""
    typer.echo(content["file"])


def report(content: Mapping[str, Any]) -> None:
    """Prints the path of the report, and its notes on stderr."""
    written(content)
    for note in content["notes"]:
        show.note(f"NOTE: {note}")
