"""Commands for readers: publish a snapshot, and serve it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from churn_duck.errors import WarehouseError
from churn_duck.jobs.run_log import recorded
from churn_duck_cli import show
from churn_duck_cli.app import app
from churn_duck_cli.options import AsOf, Global, Json

if TYPE_CHECKING:
    from churn_duck.serving.hook.routes import Hook


@app.command()
def publish(context: typer.Context, as_of: AsOf = None, json: Json = False) -> None:
    """Publish what readers need as one read-only file, in place of the last one; `run` ends with it."""
    from churn_duck.serving.publish import publish as publish_snapshot

    at: Global = context.obj
    with show.progress() as progress, recorded(at.warehouse, "publish", as_of) as (con, entry):
        made = publish_snapshot(con, at.warehouse, as_of, progress)
        entry.as_of_date, entry.model_version = made.as_of_date, made.model_version
        entry.row_count, entry.message = sum(made.table_rows.values()), made.snapshot_id
    if json or at.json:
        show.as_json(asdict(made))
    else:
        scored = f"scores of {made.as_of_date}" if made.as_of_date else "no scores yet"
        typer.echo(f"{at.warehouse.published / 'current.duckdb'}: {made.snapshot_id}, {scored}, {made.model_version}")


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8000,
    allow_open: Annotated[
        bool, typer.Option("--allow-open", help="Let others in without a token: CHURN_DUCK_TOKEN is not set.")
    ] = False,
) -> None:
    """Serve dashboard and API over the published snapshot and its model; new ones are picked up as they come."""
    try:
        import uvicorn

        from churn_duck.serving.api.auth import require_closed, token_from_environment
        from churn_duck.serving.app import create_app
    except ModuleNotFoundError as error:
        raise WarehouseError('serving needs packages; run: pip install "churn-duck[serve]"') from error

    at: Global = context.obj
    token, hook = token_from_environment(), hook_from_environment(at, context.find_root().params["config"])
    require_closed(host, token, allow_open)
    show.note(f"serving {at.warehouse.published} at {host}, port {port or 'chosen by the system'}")
    uvicorn.run(
        create_app(at.warehouse, token, hook),
        host=host,
        port=port,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=30,
    )


def hook_from_environment(at: Global, config: Path | None) -> Hook | None:
    """The webhook where CHURN_DUCK_HOOK_TOKEN is set: a Job in a cluster, or else a process of this machine.

    Raises: ConfigError when the token is empty, or a CronJob is named outside a cluster.
    """
    from churn_duck.serving.api.auth import HOOK_TOKEN, token_from_environment
    from churn_duck.serving.hook.kubernetes_job import job_starter
    from churn_duck.serving.hook.routes import Hook

    token, serving = token_from_environment(HOOK_TOKEN), at.settings.serving
    if token is None:
        return None
    # only here: its locks are not to be had on every system
    from churn_duck.serving.hook.local_process import ProcessStarter

    cooldown = timedelta(minutes=serving.hook_cooldown_minutes)
    starter = job_starter(cooldown) or ProcessStarter(_retrain(at, config), at.warehouse.reports, cooldown)
    return Hook(token, tuple(serving.hook_alerts), starter)


def _retrain(at: Global, config: Path | None) -> list[str]:
    """The command that retrains this warehouse, with this program."""
    program = [sys.executable, "-c", "from churn_duck_cli.main import main; main()"]
    given = [] if config is None else ["--config", str(config)]
    return [*program, *given, "--warehouse", str(at.warehouse.root), "retrain"]
