"""Printing proposed configurations, landed files and validation rules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from churn_duck.ingestion.land import Landed
    from churn_duck.ingestion.propose import Proposal
    from churn_duck.ingestion.validate import Rule


def proposal(path: Path, proposed: Proposal) -> None:
    """Prints what init proposes, what was unclear, and the next command."""
    content = proposed.content
    typer.echo(
        f"{path}: {len(content['measures'])} measures, {len(content['users']['attributes'])} attributes; churn is "
        f"{content['churn']['window_days']} days of silence, windows of "
        f"{', '.join(str(days) for days in content['features']['windows_days'])} days"
    )
    for doubt in proposed.doubts:
        typer.echo(f"  unclear: {doubt}")
    typer.echo(f"next: review the file, then run: churn-duck --config {path} run")


def landed(files: Sequence[Landed]) -> None:
    """Prints what became of each source file."""
    for file in files:
        if file.already_landed:
            typer.echo(f"{file.source}: already landed as {file.file} ({file.rows:,} rows); skipped")
            continue
        typer.echo(f"{file.source}: {file.rows:,} {file.table} landed")
        if file.quarantined_rows:
            typer.echo(f"  {file.quarantined_rows:,} rows in quarantine; see: churn-duck export quarantine FILE")
        if file.untyped_values:
            typer.echo(f"  {file.untyped_values:,} values could not be parsed; their rows are kept, with NULL instead")
        if file.missing_columns:
            typer.echo(f"  missing columns: {', '.join(file.missing_columns)}")
        if file.ignored_columns:
            typer.echo(f"  ignored columns: {', '.join(file.ignored_columns)}")


def rules(checked: Sequence[Rule]) -> None:
    """Prints the broken rules with three examples each, then a count by verdict."""
    for rule in checked:
        if rule.verdict != "pass":
            typer.echo(f"{rule.verdict}  {rule.rule}: {rule.offences:,}")
            for example in rule.examples:
                typer.echo(f"      {example}")
    verdicts = [rule.verdict for rule in checked]
    typer.echo(f"{len(checked)} rules: " + ", ".join(f"{verdicts.count(v)} {v}" for v in ("pass", "warn", "fail")))
