"""Printing what a build made, what it costs, and the list of views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from churn_duck_cli.printing.common import table

if TYPE_CHECKING:
    from churn_duck.warehouse.build import Cost
    from churn_duck.warehouse.catalog import Listed

VIEW_KEYS = ("name", "kind", "grain", "rows")


def built(content: Mapping[str, Any], database: Path) -> None:
    """Prints what the warehouse holds, and how many days were rebuilt."""
    typer.echo(
        f"{content['users']:,} users, {content['active_days']:,} active days of {content['first_event_date']} to "
        f"{content['last_event_date']}, {content['changed_days']:,} days rebuilt; "
        f"{content['views']} views in {database}"
    )


def costs(measured: Sequence[Cost]) -> None:
    """Prints what each view takes; macros and dense views are not evaluated."""
    table(
        ("view", "kind", "rows", "seconds", "peak MB"),
        [
            (
                cost.name,
                cost.kind,
                "" if cost.rows is None else f"{cost.rows:,}",
                f"{cost.seconds:.2f}",
                "" if cost.peak_bytes is None else f"{cost.peak_bytes / 1e6:,.0f}",
            )
            for cost in measured
        ],
        left=2,
    )


def views(rows: Sequence[Listed]) -> None:
    """Prints the views in build order, under a heading for each layer."""
    for layer, group in groupby(rows, key=lambda row: row["layer"]):
        typer.echo(f"\nsql/{layer}/")
        table(VIEW_KEYS, [(row["name"], row["kind"], row["grain"], row["rows"]) for row in group], left=4)
