"""Commands over the registered models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from churn_duck.jobs.run_log import recorded
from churn_duck.warehouse.store import working
from churn_duck_cli import figures, show
from churn_duck_cli.app import app
from churn_duck_cli.options import AsOf, Global, Json


@app.command()
def models(context: typer.Context, json: Json = False) -> None:
    """List the registered model versions, newest first."""
    from churn_duck.model.registry import production_name, versions

    at: Global = context.obj
    with working(at.warehouse, "models") as con:
        known, current = versions(con, at.warehouse), production_name(con, at.warehouse)
    rows = [
        {
            "model_version": version.model_version,
            "as_of_date": version.as_of_date,
            "pr_auc": version.metrics["pr_auc"],
            "roc_auc": version.metrics["roc_auc"],
            "production": version.model_version == current,
        }
        for version in known
    ]
    if current is not None and not any(row["production"] for row in rows):
        show.note(
            f"{current} is production by the newest promotion, and is not registered; churn-duck rollback VERSION"
        )
    show.as_json(rows) if json or at.json else show.models(rows)


@app.command()
def evaluate(
    context: typer.Context,
    model: Annotated[str | None, typer.Option(metavar="VERSION", help="Version; default: production.")] = None,
    capacity: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Users that the team can call a day; default: scoring.top_k.")
    ] = None,
    json: Json = False,
) -> None:
    """Show every figure that a model earned on its test rows, with 95 % intervals."""
    from churn_duck.evaluation.evaluate import evaluate as evaluate_version
    from churn_duck.model.registry import find_version
    from churn_duck.warehouse.store import transaction

    at: Global = context.obj
    length = capacity or at.warehouse.settings.scoring.top_k
    with show.progress() as progress, working(at.warehouse, "evaluate") as con:
        version = find_version(con, at.warehouse, model)
        progress(f"evaluating {version.model_version}")
        with transaction(con):
            found = evaluate_version(con, version.model_version, length, at.warehouse.settings.training.random_state)
    if json or at.json:
        show.as_json({"model_version": version.model_version, "capacity": length, **found})
    else:
        figures.evaluated(version, found, length)


@app.command()
def card(
    context: typer.Context,
    version: Annotated[str | None, typer.Argument(help="Version; default: production.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The page; default: among the reports.")] = None,
    json: Json = False,
) -> None:
    """Write the card of a model: one HTML page with everything that its reader must know."""
    from churn_duck.model.registry import find_version
    from churn_duck.pages.card.content import card as describe
    from churn_duck.pages.card.content import write_card

    at: Global = context.obj
    with show.progress() as progress, recorded(at.warehouse, "card") as (con, entry):
        found = find_version(con, at.warehouse, version)
        progress(f"describing {found.model_version}")
        content = describe(con, at.warehouse, found)
        entry.model_version = found.model_version
    path = write_card(at.warehouse, content, out)
    show.as_json({"file": str(path), **content}) if json or at.json else typer.echo(path)


@app.command()
def backtest(
    context: typer.Context,
    origins: Annotated[int, typer.Option(min=1, metavar="N", help="How many past evenings.")] = 8,
    every: Annotated[
        int | None, typer.Option(min=1, metavar="DAYS", help="Days between them; default: churn.window_days.")
    ] = None,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Train, gate and score as on past evenings, then compare with what happened; nothing live is touched."""
    from churn_duck.jobs.backtest import backtest as walk_forward

    at: Global = context.obj
    with show.progress() as progress, recorded(at.warehouse, "backtest", as_of) as (con, entry):
        rows = walk_forward(con, at.warehouse, origins, every, as_of, progress)
        entry.row_count = len(rows)
    show.as_json(rows) if json or at.json else figures.backtested(rows)


@app.command()
def rollback(
    context: typer.Context,
    version: Annotated[
        str | None, typer.Argument(help="Version to put into production; else the one before the present one.")
    ] = None,
) -> None:
    """Put an earlier model back into production."""
    from churn_duck.model.registry import rollback as put_back

    at: Global = context.obj
    with recorded(at.warehouse, "rollback") as (con, entry):
        back = put_back(con, at.warehouse, version)
        entry.model_version = back.model_version
    typer.echo(f"production is now {back.model_version}")
