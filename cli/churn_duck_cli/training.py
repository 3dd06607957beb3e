"""Commands that train models, compare them, and put them into production.

Commands import the training libraries themselves, so that the other commands start in half a second.
"""

from __future__ import annotations

from typing import Annotated

import typer

from churn_duck.jobs.run_log import recorded
from churn_duck.settings.config import MODEL_NAMES, ModelName
from churn_duck.warehouse.store import working
from churn_duck_cli.app import command
from churn_duck_cli.exit_codes import NOT_PROMOTED
from churn_duck_cli.options import AsOf, Common, Json
from churn_duck_cli.printing import common as show
from churn_duck_cli.printing import training as show_training

PANEL = "Models"


@command(PANEL, "train --model baseline_logreg")
def train(
    context: typer.Context,
    model: Annotated[ModelName | None, typer.Option(help="Train one model only; default: both.")] = None,
    as_of: AsOf = None,
    force: Annotated[
        bool, typer.Option("--force", help="Train even if the model has been trained on this data before.")
    ] = False,
    json: Json = False,
) -> None:
    """Train, evaluate on later rows with a purge, export to ONNX and register; exit 5 if there is no new data."""
    from churn_duck.training.train import train as train_models

    common: Common = context.obj
    names = MODEL_NAMES if model is None else (model,)
    show_training.hints(common.warehouse.settings)
    with show.progress() as progress, recorded(common.warehouse, "train", as_of) as (con, entry):
        versions = train_models(con, common.warehouse, names, as_of, progress, force)
        entry.as_of_date, entry.model_version = versions[0].as_of_date, ", ".join(v.model_version for v in versions)
        entry.row_count = versions[0].metrics["train"]["rows"]
    if json or common.json:
        show.as_json([version.metrics for version in versions])
    else:
        show_training.trained(versions)


@command(PANEL, "promote")
def promote(context: typer.Context, as_of: AsOf = None, json: Json = False) -> None:
    """Promote the best new model if it beats the production model; exit 4 if it does not."""
    from churn_duck.evaluation.promote import promote as promote_best

    common: Common = context.obj
    with show.progress() as progress, recorded(common.warehouse, "promote", as_of) as (con, entry):
        progress("comparing the models")
        decision = promote_best(con, common.warehouse, as_of, progress)
        entry.model_version, entry.row_count, entry.message = decision.production, decision.test_rows, decision.reason
        if not decision.promoted:
            entry.outcome, entry.exit_code = "not_promoted", NOT_PROMOTED
    show.result(decision, json or common.json, show_training.decision)
    if not decision.promoted:
        raise typer.Exit(NOT_PROMOTED)


@command(PANEL, "evaluate --capacity 100")
def evaluate(
    context: typer.Context,
    model: Annotated[str | None, typer.Option(metavar="VERSION", help="Version; default: production.")] = None,
    capacity: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Users that the team can call a day; default: scoring.top_k.")
    ] = None,
    json: Json = False,
) -> None:
    """Show every test metric of a model, with 95 % intervals."""
    from churn_duck.evaluation.evaluate import evaluate as evaluate_version
    from churn_duck.model.registry import find_version
    from churn_duck.warehouse.store import transaction

    common: Common = context.obj
    settings = common.warehouse.settings
    length = capacity or settings.scoring.top_k
    with show.progress() as progress, working(common.warehouse, "evaluate") as con:
        version = find_version(con, common.warehouse, model)
        progress(f"evaluating {version.model_version}")
        with transaction(con):
            metrics = evaluate_version(con, version.model_version, length, settings.training.random_state)
    if json or common.json:
        show.as_json({"model_version": version.model_version, "capacity": length, **metrics})
    else:
        show_training.evaluated(version, metrics, length)


@command(PANEL, "models")
def models(context: typer.Context, json: Json = False) -> None:
    """List the registered model versions, newest first."""
    from churn_duck.model.registry import production_name, versions

    common: Common = context.obj
    with working(common.warehouse, "models") as con:
        registered, production = versions(con, common.warehouse), production_name(con, common.warehouse)
    rows = show_training.model_rows(registered, production)
    if production is not None and not any(row["production"] for row in rows):
        show.note(f"{production} was promoted last but is not registered; run: churn-duck rollback VERSION")
    show.result(rows, json or common.json, show_training.models)


@command(PANEL, "rollback")
def rollback(
    context: typer.Context,
    version: Annotated[
        str | None, typer.Argument(help="Version to put into production; default: the one before the current one.")
    ] = None,
) -> None:
    """Put an earlier model back into production."""
    from churn_duck.model.registry import rollback as roll_back

    common: Common = context.obj
    with recorded(common.warehouse, "rollback") as (con, entry):
        restored = roll_back(con, common.warehouse, version)
        entry.model_version = restored.model_version
    typer.echo(f"production is now {restored.model_version}")
