"""Commands from the training set to the ranked list.

The libraries that learn are imported by the commands that use them: the others then start in half a second.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from churn_duck.jobs.run_log import recorded
from churn_duck.proof.synthetic import World
from churn_duck.settings.config import MODEL_NAMES, ModelName
from churn_duck_cli import figures, show
from churn_duck_cli.app import app
from churn_duck_cli.options import AsOf, Global, Json, TopK

if TYPE_CHECKING:
    from churn_duck.jobs.run import Ran
    from churn_duck.jobs.run_log import Entry
    from churn_duck.scoring.score import Scored

NOT_PROMOTED = 4
SHOWN = 10


@app.command()
def train(
    context: typer.Context,
    model: Annotated[ModelName | None, typer.Option(help="One model only; default: all.")] = None,
    as_of: AsOf = None,
    force: Annotated[bool, typer.Option("--force", help="Also on data that it has learned from before.")] = False,
    json: Json = False,
) -> None:
    """Train, measure on purged later rows, export to ONNX and register; exit 5 when nothing is new."""
    from churn_duck.training.train import train as train_models

    at: Global = context.obj
    names = MODEL_NAMES if model is None else (model,)
    show.hints(at.warehouse.settings)
    with show.progress() as progress, recorded(at.warehouse, "train", as_of) as (con, entry):
        versions = train_models(con, at.warehouse, names, as_of, progress, force)
        entry.as_of_date, entry.model_version = versions[0].as_of_date, ", ".join(v.model_version for v in versions)
        entry.row_count = versions[0].metrics["train"]["rows"]
    show.as_json([version.metrics for version in versions]) if json or at.json else figures.trained(versions)


@app.command()
def promote(context: typer.Context, as_of: AsOf = None, json: Json = False) -> None:
    """Put the best new model into production if it beats what is there; exit 4 when it does not."""
    from churn_duck.evaluation.promote import promote as compare

    at: Global = context.obj
    with show.progress() as progress, recorded(at.warehouse, "promote", as_of) as (con, entry):
        progress("comparing the models")
        made = compare(con, at.warehouse, as_of, progress)
        entry.model_version, entry.row_count, entry.message = made.production, made.test_rows, made.reason
        if not made.promoted:
            entry.outcome, entry.exit_code = "not_promoted", NOT_PROMOTED
    show.as_json(made) if json or at.json else show.decision(made)
    if not made.promoted:
        raise typer.Exit(NOT_PROMOTED)


@app.command()
def score(context: typer.Context, as_of: AsOf = None, top_k: TopK = None, json: Json = False) -> None:
    """Score every eligible user with the production model; write the ranked lists."""
    from churn_duck.scoring.score import score as score_users
    from churn_duck.scoring.score import top_rows

    at: Global = context.obj
    with show.progress() as progress, recorded(at.warehouse, "score", as_of) as (con, entry):
        scored = score_users(con, at.warehouse, as_of, top_k, progress)
        _tell_scored(entry, scored)
        rows = top_rows(con, scored.as_of_date, SHOWN)
    if json or at.json:
        show.as_json({**asdict(scored), "top": rows})
    else:
        show.scored(scored)
        show.top(rows)


@app.command()
def run(context: typer.Context, as_of: AsOf = None, top_k: TopK = None, json: Json = False) -> None:
    """Validate, build, train, promote, score and publish what has landed; land the configured sources first."""
    from churn_duck.jobs.run import run as run_all

    at: Global = context.obj
    show.hints(at.warehouse.settings)
    with show.progress() as progress, recorded(at.warehouse, "run", as_of) as (con, entry):
        ran = run_all(con, at.warehouse, as_of, top_k, progress)
        _tell_scored(entry, ran.scored)
    _print(ran, json or at.json)


@app.command()
def demo(
    context: typer.Context,
    n_users: Annotated[int, typer.Option(min=1, help="Users to invent.")] = World().n_users,
    days: Annotated[int, typer.Option(min=1, help="Days of events to invent.")] = 365,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same world.")] = World().seed,
    json: Json = False,
) -> None:
    """Invent a year of data, run the whole job on it, and print the ten users most at risk."""
    from churn_duck.jobs.demo import demo as run_demo

    at: Global = context.obj
    world = World(n_users=n_users, days=days, seed=seed)
    with show.progress() as progress, recorded(at.warehouse, "demo") as (con, entry):
        ran = run_demo(con, at.warehouse, world, progress)
        _tell_scored(entry, ran.scored)
    _print(ran, json or at.json)


def _tell_scored(entry: Entry, scored: Scored) -> None:
    entry.as_of_date, entry.model_version, entry.row_count = scored.as_of_date, scored.model_version, scored.rows


def _print(ran: Ran, json: bool) -> None:
    if json:
        show.as_json(
            {
                "rules": ran.rules,
                "trained": [version.metrics for version in ran.trained],
                "decision": ran.decision,
                "scored": ran.scored,
                "top": ran.top,
            }
        )
        return
    show.landed(ran.landed)
    show.rules(ran.rules)
    typer.echo("")
    figures.trained(ran.trained)
    show.decision(ran.decision)
    typer.echo("")
    show.scored(ran.scored)
    typer.echo(f"\nthe {len(ran.top)} users most at risk:")
    show.top(ran.top)
