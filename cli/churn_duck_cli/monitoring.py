"""Commands that check whether the production model still sees what it was trained on, and how well it did."""

from __future__ import annotations

from typing import Annotated

import typer

from churn_duck.jobs.run_log import recorded
from churn_duck.warehouse.store import working
from churn_duck_cli import run_entry
from churn_duck_cli.app import command
from churn_duck_cli.exit_codes import DRIFTED
from churn_duck_cli.options import AsOf, Common, Json
from churn_duck_cli.printing import common as show
from churn_duck_cli.printing import jobs as show_jobs
from churn_duck_cli.printing import monitoring as show_monitoring

PANEL = "Monitoring"


@command(PANEL, "drift")
def drift(
    context: typer.Context,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Retrain on FAIL, unless a model was trained recently.")
    ] = False,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Compare the day's eligible users with those the production model was trained on; exit 2 on FAIL."""
    from churn_duck.jobs.retrain import retrain_on_drift
    from churn_duck.monitoring.drift import drift as check_drift
    from churn_duck.monitoring.drift import report
    from churn_duck.serving.publish import publish

    common: Common = context.obj
    with show.progress() as progress, recorded(common.warehouse, "drift", as_of) as (con, entry):
        checked = check_drift(con, common.warehouse, as_of, progress)
        content = report(con, checked)
        entry.as_of_date, entry.model_version = checked.as_of_date, checked.model_version
        run_entry.note_drift(entry, checked)
        triggers, retrained = retrain_on_drift(con, common.warehouse, as_of, progress) if retrain else (None, None)
        if retrained is not None:
            publish(con, common.warehouse, as_of, progress, (entry.outcome, entry.exit_code))
    if json or common.json:
        show.as_json({**content, **(show_jobs.retraining_content(triggers, retrained) if retrain else {})})
    else:
        show_monitoring.drift(checked)
        show_jobs.retraining(triggers, retrained)
    if checked.status == "FAIL":
        raise typer.Exit(DRIFTED)


@command(PANEL, "demo-drift --strength 5")
def demo_drift(
    context: typer.Context,
    strength: Annotated[float, typer.Option(min=1, help="Factor that multiplies one measure in the copy.")] = 3,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Show drift on an altered copy of the day's rows; exit 2 when the copy FAILs, as it should."""
    from churn_duck.monitoring.drift_demo import demo_drift as check_both

    common: Common = context.obj
    with show.progress() as progress, working(common.warehouse, "demo-drift") as con:
        demonstration = check_both(con, common.warehouse, as_of, strength, progress)
    show.result(demonstration, json or common.json, show_monitoring.drift_demo)
    if demonstration.after.status == "FAIL":
        raise typer.Exit(DRIFTED)


@command(PANEL, "performance --as-of 2025-12-31")
def performance(context: typer.Context, as_of: AsOf = None, json: Json = False) -> None:
    """Show the realised performance of past scores, next to what was expected and to the recency rule."""
    from churn_duck.monitoring.performance import performance as measure

    common: Common = context.obj
    with show.progress() as progress, recorded(common.warehouse, "performance", as_of) as (con, entry):
        content = measure(con, common.warehouse, as_of, progress)
        entry.as_of_date, entry.row_count = content["as_of_date"], len(content["dates"])
    show.result(content, json or common.json, show_monitoring.performance)
