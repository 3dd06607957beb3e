"""Commands that look at whether the production model still sees what it learned from."""

from __future__ import annotations

from typing import Annotated

import typer

from churn_duck.jobs.run_log import recorded
from churn_duck.warehouse.store import working
from churn_duck_cli import retraining, show, show_drift
from churn_duck_cli.app import app
from churn_duck_cli.options import AsOf, Global, Json
from churn_duck_cli.retraining import DRIFTED


@app.command()
def drift(
    context: typer.Context,
    retrain: Annotated[bool, typer.Option("--retrain", help="On a FAIL retrain, unless that was just done.")] = False,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Compare the day's eligible users with those that production learned from; exit 2 when something FAILs."""
    from churn_duck.jobs.retrain import retrain_on_drift
    from churn_duck.monitoring.drift import drift as compare
    from churn_duck.monitoring.drift import report
    from churn_duck.serving.publish import publish

    at: Global = context.obj
    with show.progress() as progress, recorded(at.warehouse, "drift", as_of) as (con, entry):
        found = compare(con, at.warehouse, as_of, progress)
        content = report(con, found)
        entry.as_of_date, entry.model_version = found.as_of_date, found.model_version
        if found.status == "FAIL":
            entry.outcome, entry.exit_code, entry.message = "drifted", DRIFTED, ", ".join(found.names("FAIL"))
        asked, made = retrain_on_drift(con, at.warehouse, as_of, progress) if retrain else (None, None)
        if made is not None:
            publish(con, at.warehouse, as_of, progress, (entry.outcome, entry.exit_code))
    if json or at.json:
        show.as_json(
            {**content, "retraining_triggers": asked, "retrained": retraining.plain(made)} if retrain else content
        )
    else:
        show_drift.checked(found)
        retraining.told(asked, made)
    if found.status == "FAIL":
        raise typer.Exit(DRIFTED)


@app.command()
def demo_drift(
    context: typer.Context,
    strength: Annotated[float, typer.Option(min=1, help="What one measure is multiplied by, in a copy.")] = 3,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Show what drift looks like on a changed copy of the day's rows; exit 2 when the copy FAILs, as it should."""
    from churn_duck.monitoring.drift_demo import demo_drift as show_both

    at: Global = context.obj
    with show.progress() as progress, working(at.warehouse, "demo-drift") as con:
        shown = show_both(con, at.warehouse, as_of, strength, progress)
    show.as_json(shown) if json or at.json else show_drift.both(shown)
    if shown.after.status == "FAIL":
        raise typer.Exit(DRIFTED)


@app.command()
def score_proxy(context: typer.Context, json: Json = False) -> None:
    """Print how the newest predictions are spread, while their labels are not known yet."""
    from churn_duck.scoring.distribution import score_proxy as spread

    at: Global = context.obj
    with show.progress() as progress, working(at.warehouse, "score-proxy") as con:
        progress("reading the predictions")
        content = spread(con, at.warehouse, None)
    show.as_json(content) if json or at.json else show_drift.proxy(content)
