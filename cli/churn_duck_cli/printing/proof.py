"""Printing generated files, and what was planted and recovered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from churn_duck_cli.printing import common as show

if TYPE_CHECKING:
    from churn_duck.proof.finding import Finding
    from churn_duck.proof.synthetic import World


def generated(world: World, folder: Path) -> None:
    """Prints the size of the generated data and its files."""
    typer.echo(
        f"{world.n_users:,} users over {world.days} days: {folder}/users.parquet, {folder}/events.parquet; "
        f"truth: {folder}/truth.parquet"
    )


def findings(rows: Sequence[Finding], is_json: bool) -> None:
    """Prints what was planted, what was recovered, and whether that is within its bounds."""
    if is_json:
        show.as_json([{**asdict(finding), "holds": finding.holds} for finding in rows])
        return
    show.table(
        ("", "proof", "planted", "figure", "recovered", "bounds"),
        [
            (
                "ok" if finding.holds else "FAILED",
                finding.proof,
                finding.planted,
                finding.figure,
                f"{finding.recovered:.3f}",
                finding.bound,
            )
            for finding in rows
        ],
        left=4,
    )
