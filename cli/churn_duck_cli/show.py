"""Printing: data to stdout, progress and messages to stderr."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

from churn_duck.jobs.run_log import log
from churn_duck.progress import Progress, no_progress

if TYPE_CHECKING:
    from churn_duck.evaluation.promote import Decision
    from churn_duck.ingestion.land import Landed
    from churn_duck.ingestion.propose import Proposal
    from churn_duck.ingestion.validate import Rule
    from churn_duck.proof.finding import Finding
    from churn_duck.scoring.score import Scored
    from churn_duck.settings.config import Settings
    from churn_duck.warehouse.build import Cost
    from churn_duck.warehouse.catalog import Listed


# in the top list, beside the risk
SHOWN_ATTRIBUTES = 2
REASONS = ("reason_1", "reason_2", "reason_3")


def note(text: str) -> None:
    """One line for a person, on stderr."""
    typer.echo(text, err=True)


def as_json(content: object) -> None:
    """Data for a program, on stdout."""
    typer.echo(json.dumps(_plain(content), indent=2, default=str, allow_nan=False))


def _plain(content: object) -> object:
    if isinstance(content, list):
        return [_plain(item) for item in content]
    if isinstance(content, dict):
        return {key: _plain(value) for key, value in content.items()}
    return asdict(content) if is_dataclass(content) and not isinstance(content, type) else content


@contextmanager
def progress() -> Iterator[Progress]:
    """A spinner with the current step, on a terminal only; where structured logs are asked for, a line for each."""
    console = Console(stderr=True)
    if log.isEnabledFor(logging.INFO):
        yield log.info
    elif console.is_terminal:
        with console.status("starting") as status:
            yield status.update
    else:
        yield no_progress


def views(rows: Sequence[Listed]) -> None:
    """The views in the order in which they are made, a heading for each layer."""
    for layer, group in groupby(rows, key=lambda row: row["layer"]):
        typer.echo(f"\nsql/{layer}/")
        table(
            ("name", "kind", "grain", "rows"),
            [(row["name"], row["kind"], row["grain"], row["rows"]) for row in group],
            left=4,
        )


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], left: int = 1, below: Sequence[Sequence[str]] = ()
) -> None:
    """Aligned columns, the first `left` of them to the left, the others to the right; never cut short.

    `below` are lines to put under each row.
    """
    lines = [[str(value) for value in row] for row in (columns, *rows)]
    widths = [max(len(line[position]) for line in lines) for position in range(len(columns))]
    for number, line in enumerate(lines, -1):
        cells = [
            cell.ljust(width) if position < left else cell.rjust(width)
            for position, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        typer.echo("  ".join(cells).rstrip())
        for more in below[number] if below and number >= 0 else ():
            typer.echo(f"      {more}")


def proposed(path: Path, proposal: Proposal) -> None:
    """What init found, and what it could not tell."""
    content = proposal.content
    typer.echo(
        f"{path}: {len(content['measures'])} measures, {len(content['users']['attributes'])} attributes, churn is "
        f"{content['churn']['window_days']} days of silence, windows of "
        f"{', '.join(str(days) for days in content['features']['windows_days'])} days"
    )
    for doubt in proposal.doubts:
        typer.echo(f"  could not tell: {doubt}")
    typer.echo(f"next: read it, then churn-duck --config {path} run")


def landed(files: Sequence[Landed]) -> None:
    """What became of each source file."""
    for file in files:
        if file.already_landed:
            typer.echo(f"{file.source}: landed before as {file.file} ({file.rows:,} rows), nothing to do")
            continue
        typer.echo(f"{file.source}: {file.rows:,} {file.table} landed")
        if file.quarantined_rows:
            typer.echo(f"  {file.quarantined_rows:,} rows in quarantine; see: churn-duck export quarantine FILE")
        if file.untyped_values:
            typer.echo(f"  {file.untyped_values:,} values could not be typed; their rows are kept without them")
        if file.missing_columns:
            typer.echo(f"  columns missing: {', '.join(file.missing_columns)}")
        if file.ignored_columns:
            typer.echo(f"  columns not used: {', '.join(file.ignored_columns)}")


def costs(found: Sequence[Cost]) -> None:
    """What each view takes, and all of them; a macro or dense view is not evaluated."""
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
            for cost in found
        ],
        left=2,
    )


def rules(found: Sequence[Rule]) -> None:
    """Broken rules with three examples each, then the count of all."""
    for rule in found:
        if rule.verdict != "pass":
            typer.echo(f"{rule.verdict}  {rule.rule}: {rule.offences:,}")
            for example in rule.examples:
                typer.echo(f"      {example}")
    verdicts = [rule.verdict for rule in found]
    typer.echo(f"{len(found)} rules: " + ", ".join(f"{verdicts.count(v)} {v}" for v in ("pass", "warn", "fail")))


def findings(found: Sequence[Finding], json: bool) -> None:
    """What was planted, what was recovered, and whether that is within its bounds."""
    if json:
        as_json([{**asdict(one), "holds": one.holds} for one in found])
        return
    table(
        ("", "proof", "planted", "figure", "recovered", "bounds"),
        [
            (
                "ok" if one.holds else "FAILED",
                one.proof,
                one.planted,
                one.figure,
                f"{one.recovered:.3f}",
                one.bound,
            )
            for one in found
        ],
        left=4,
    )


def hints(settings: Settings) -> None:
    """Settings that are allowed and seldom wise, on stderr."""
    silence, window = settings.population.active_within_days, max(settings.features.windows_days)
    if silence is not None and silence > window:
        note(
            f"note: eligible users may have been silent for {silence} days, but no feature looks back more than "
            f"{window}: only recency tells the silent apart; consider {silence} among features.windows_days"
        )


def models(rows: Sequence[Mapping[str, Any]]) -> None:
    """One line a version; production is marked."""
    table(
        ("", "model_version", "as_of_date", "PR-AUC", "ROC-AUC"),
        [
            (
                "*" if row["production"] else "",
                row["model_version"],
                row["as_of_date"],
                f"{row['pr_auc']:.4f}",
                f"{row['roc_auc']:.4f}",
            )
            for row in rows
        ],
        left=3,
    )


def decision(made: Decision) -> None:
    """Who is production, and why."""
    typer.echo(f"{'promoted' if made.promoted else 'not promoted; production stays'}: {made.production}")
    typer.echo(f"  {made.reason}")
    for version, value in made.values.items():
        typer.echo(f"  {made.primary_metric} {value:.4f}  {version}")


def scored(result: Scored) -> None:
    """How many were scored, and where the files are."""
    ledger = "added to the ledger" if result.added_to_ledger else "already in the ledger"
    typer.echo(
        f"{result.rows:,} eligible users scored at {result.as_of_date}, mean risk {result.mean_risk:.1%}, "
        f"{result.high_risk_rows:,} at high risk; {ledger}"
    )
    for path in result.files:
        typer.echo(f"  {path}")


def top(rows: Sequence[Mapping[str, Any]]) -> None:
    """The users most at risk, with the first words that are known of them, and what raises their risk most."""
    known = [name for name in (rows[0] if rows else ()) if _is_word(rows, name)][:SHOWN_ATTRIBUTES]
    table(
        ("rank", "user_id", "churn_risk", *known, "days since signup", "days since last activity"),
        [
            (
                row["risk_rank"],
                row["user_id"],
                f"{row['churn_risk']:.3f}",
                *("" if row[name] is None else row[name] for name in known),
                row["days_since_signup"],
                row["days_since_last_activity"],
            )
            for row in rows
        ],
        left=0,
        below=[[row[name] for name in REASONS if row[name] is not None] for row in rows],
    )


def _is_word(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    """Whether an attribute of the ranked list holds text."""
    values = [row[name] for row in rows if row[name] is not None]
    return (
        name not in ("user_id", "model_version", *REASONS)
        and bool(values)
        and all(isinstance(one, str) for one in values)
    )
