"""Printing what was published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from churn_duck.serving.publish import Manifest


def published(snapshot: Manifest, folder: Path) -> None:
    """Prints the snapshot's file, id, scored day and model version."""
    scored = f"scores of {snapshot.as_of_date}" if snapshot.as_of_date else "no scores yet"
    typer.echo(f"{folder / 'current.duckdb'}: {snapshot.snapshot_id}, {scored}, {snapshot.model_version}")
