"""Commands that publish a snapshot for readers and serve it."""

from __future__ import annotations

import sys
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from churn_duck.errors import WarehouseError
from churn_duck.jobs.run_log import recorded
from churn_duck_cli.app import command
from churn_duck_cli.options import AsOf, Common, Json
from churn_duck_cli.printing import common as show
from churn_duck_cli.printing import serving as show_serving

if TYPE_CHECKING:
    from churn_duck.serving.hook.routes import Hook

PANEL = "Serving"


@command(PANEL, "publish")
def publish(context: typer.Context, as_of: AsOf = None, json: Json = False) -> None:
    """Publish a read-only snapshot for readers, in place of the last one; `run` ends with this."""
    from churn_duck.serving.publish import publish as publish_snapshot

    common: Common = context.obj
    with show.progress() as progress, recorded(common.warehouse, "publish", as_of) as (con, entry):
        snapshot = publish_snapshot(con, common.warehouse, as_of, progress)
        entry.as_of_date, entry.model_version = snapshot.as_of_date, snapshot.model_version
        entry.row_count, entry.message = sum(snapshot.table_rows.values()), snapshot.snapshot_id
    printer = partial(show_serving.published, folder=common.warehouse.published)
    show.result(snapshot, json or common.json, printer)


@command(PANEL, "serve --port 8080")
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: any free port.")] = 8000,
    allow_open: Annotated[
        bool, typer.Option("--allow-open", help="Allow other machines to connect although CHURN_DUCK_TOKEN is not set.")
    ] = False,
) -> None:
    """Serve the dashboard and the API on the published snapshot and its model; new snapshots are picked up."""
    try:
        import uvicorn

        from churn_duck.serving.api.auth import require_closed, token_from_environment
        from churn_duck.serving.app import create_app
    except ModuleNotFoundError as error:
        raise WarehouseError('serving needs more packages; run: pip install "churn-duck[serve]"') from error

    common: Common = context.obj
    token, hook = token_from_environment(), hook_from_environment(common, context.find_root().params["config"])
    require_closed(host, token, allow_open)
    show.note(f"serving {common.warehouse.published} on {host}, port {port or 'chosen by the system'}")
    uvicorn.run(
        create_app(common.warehouse, token, hook),
        host=host,
        port=port,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=30,
    )


def hook_from_environment(common: Common, config: Path | None) -> Hook | None:
    """Returns the webhook if CHURN_DUCK_HOOK_TOKEN is set; it starts a Job in a cluster, elsewhere a local process.

    Raises: ConfigError if the token is empty, or a CronJob is named outside a cluster.
    """
    from churn_duck.serving.api.auth import HOOK_TOKEN, token_from_environment
    from churn_duck.serving.hook.kubernetes_job import job_starter
    from churn_duck.serving.hook.routes import Hook

    token, serving = token_from_environment(HOOK_TOKEN), common.settings.serving
    if token is None:
        return None
    # imported late: its file locks are not available on every system
    from churn_duck.serving.hook.local_process import ProcessStarter

    cooldown = timedelta(minutes=serving.hook_cooldown_minutes)
    starter = job_starter(cooldown) or ProcessStarter(_retrain(common, config), common.warehouse.reports, cooldown)
    return Hook(token, tuple(serving.hook_alerts), starter)


def _retrain(common: Common, config: Path | None) -> list[str]:
    """Returns the command line that retrains this warehouse with this Python."""
    program = [sys.executable, "-c", "from churn_duck_cli.main import main; main()"]
    config_option = [] if config is None else ["--config", str(config)]
    return [*program, *config_option, "--warehouse", str(common.warehouse.root), "retrain"]
