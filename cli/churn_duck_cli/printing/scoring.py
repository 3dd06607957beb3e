"""Printing scores: what was scored, the top of the list, and the distribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from churn_duck_cli.printing.common import table

if TYPE_CHECKING:
    from churn_duck.scoring.score import Scored

# attributes shown in the top list, next to the risk
SHOWN_ATTRIBUTES = 2
REASONS = ("reason_1", "reason_2", "reason_3")


def scored(result: Scored) -> None:
    """Prints how many users were scored, and the files."""
    ledger = "added to the ledger" if result.added_to_ledger else "already in the ledger"
    typer.echo(
        f"{result.rows:,} eligible users scored at {result.as_of_date}, mean risk {result.mean_risk:.1%}, "
        f"{result.high_risk_rows:,} at high risk; {ledger}"
    )
    for path in result.files:
        typer.echo(f"  {path}")


def top(rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints the users most at risk, with their first text attributes and the main reasons for the risk."""
    attributes = [name for name in (rows[0] if rows else ()) if _is_text(rows, name)][:SHOWN_ATTRIBUTES]
    table(
        ("rank", "user_id", "churn_risk", *attributes, "days since signup", "days since last activity"),
        [
            (
                row["risk_rank"],
                row["user_id"],
                f"{row['churn_risk']:.3f}",
                *("" if row[name] is None else row[name] for name in attributes),
                row["days_since_signup"],
                row["days_since_last_activity"],
            )
            for row in rows
        ],
        left=0,
        below=[[row[name] for name in REASONS if row[name] is not None] for row in rows],
    )


def _is_text(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    """Returns whether an attribute of the ranked list holds text."""
    values = [row[name] for row in rows if row[name] is not None]
    return (
        name not in ("user_id", "model_version", *REASONS)
        and bool(values)
        and all(isinstance(value, str) for value in values)
    )


def distribution(content: Mapping[str, Any]) -> None:
    """Prints mean, percentiles and the share at high risk in one line."""
    typer.echo(
        f"{content['scored_rows']:,} users scored at {content['as_of_date']} by {content['model_version']}: "
        f"mean {content['mean']:.3f}, p50 {content['p50']:.3f}, p90 {content['p90']:.3f}, p99 {content['p99']:.3f}, "
        f"{content['high_risk_rate']:.1%} at {content['high_risk_threshold']:g} or more"
    )
