"""Commands that run several stages in one go."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import typer

from churn_duck.jobs.run_log import recorded
from churn_duck.proof.synthetic import World
from churn_duck.settings.config import Settings
from churn_duck_cli import run_entry
from churn_duck_cli.app import command
from churn_duck_cli.exit_codes import DRIFTED
from churn_duck_cli.options import AsOf, Common, Events, Json, TopK, Users, as_date
from churn_duck_cli.printing import common as show
from churn_duck_cli.printing import jobs as show_jobs
from churn_duck_cli.printing import training as show_training

PANEL = "Whole jobs"
Reason = Literal["manual", "schedule", "alert", "drift"]


@command(PANEL, "demo --n-users 500")
def demo(
    context: typer.Context,
    n_users: Annotated[int, typer.Option(min=1, help="Number of users to generate.")] = World().n_users,
    days: Annotated[int, typer.Option(min=1, help="Days of events to generate.")] = 365,
    seed: Annotated[int, typer.Option(min=0, help="Random seed; the same seed gives the same data.")] = World().seed,
    json: Json = False,
) -> None:
    """Generate a year of data, run the whole job on it, and print the ten users most at risk."""
    from churn_duck.jobs.demo import demo as run_demo

    common: Common = context.obj
    world = World(n_users=n_users, days=days, seed=seed)
    with show.progress() as progress, recorded(common.warehouse, "demo") as (con, entry):
        ran = run_demo(con, common.warehouse, world, progress)
        run_entry.note_scored(entry, ran.scored)
    show_jobs.run(ran, json or common.json)


@command(PANEL, "run --top-k 100")
def run(context: typer.Context, as_of: AsOf = None, top_k: TopK = None, json: Json = False) -> None:
    """Land the configured sources, if any, then validate, build, train, promote, score and publish."""
    from churn_duck.jobs.run import run as run_all

    common: Common = context.obj
    show_training.hints(common.warehouse.settings)
    with show.progress() as progress, recorded(common.warehouse, "run", as_of) as (con, entry):
        ran = run_all(con, common.warehouse, as_of, top_k, progress)
        run_entry.note_scored(entry, ran.scored)
    show_jobs.run(ran, json or common.json)


@command(PANEL, "daily --users users.parquet --events events.parquet")
def daily(
    context: typer.Context,
    users: Users = None,
    events: Events = None,
    retrain: Annotated[bool, typer.Option("--retrain", help="Also retrain, if the data gives a reason.")] = False,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Land, validate, build, score, check drift and realised performance, report, publish; exit 2 on drift FAIL."""
    from churn_duck.jobs.daily import daily as run_day
    from churn_duck.serving.publish import publish

    common: Common = context.obj
    with show.progress() as progress, recorded(common.warehouse, "daily", as_of) as (con, entry):
        day = run_day(con, common.warehouse, as_of, progress, users, events, retrain)
        run_entry.note_scored(entry, day.scored)
        run_entry.note_drift(entry, day.drift)
        publish(con, common.warehouse, as_of, progress, (entry.outcome, entry.exit_code))
    show_jobs.daily(day, json or common.json)
    if day.drift.status == "FAIL":
        raise typer.Exit(DRIFTED)


@command(PANEL, "retrain --if-due --if-new")
def retrain(
    context: typer.Context,
    users: Users = None,
    events: Events = None,
    if_due: Annotated[
        bool,
        typer.Option("--if-due", help="Retrain only if the data gives a reason: drift, worse results, schedule, age."),
    ] = False,
    if_new: Annotated[
        bool, typer.Option("--if-new", help="When there is no new data, exit 0 with a message instead of 5.")
    ] = False,
    reason: Annotated[Reason, typer.Option(help="What asked for the retraining; it is recorded.")] = "manual",
    message: Annotated[str | None, typer.Option(metavar="TEXT", help="The reason in words, recorded with it.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Retrain even if both models have been trained on this data before.")
    ] = False,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Land, validate, build, train both models, promote if better, and score; exit 5 if there is no new data."""
    from churn_duck.jobs.retrain import renew
    from churn_duck.serving.publish import publish

    common: Common = context.obj
    reasons: dict[str, str] | None = None if if_due else {reason: message or f"requested: {reason}"}
    with show.progress() as progress, recorded(common.warehouse, "retrain", as_of) as (con, entry):
        renewed = renew(con, common.warehouse, as_of, reasons, progress, users, events, force, if_new)
        run_entry.note_renewed(entry, renewed)
        if renewed.scored is not None:
            publish(con, common.warehouse, as_of, progress, (entry.outcome, entry.exit_code))
    show_jobs.retrain(renewed, json or common.json)


@command(PANEL, "rehearse --users users.parquet --events events.parquet --from 2025-03-31 --every 30")
def rehearse(
    context: typer.Context,
    first: Annotated[
        date,
        typer.Option("--from", parser=as_date, metavar="DATE", help="First day; everything up to its end is landed."),
    ],
    users: Users = None,
    events: Events = None,
    every: Annotated[int, typer.Option(min=1, metavar="DAYS", help="Days between landings.")] = 7,
    until: Annotated[
        date | None, typer.Option(parser=as_date, metavar="DATE", help="Last day; default: the last day of the log.")
    ] = None,
    json: Json = False,
) -> None:
    """Replay a historical log: land, score, check drift and realised performance, and retrain when due."""
    from churn_duck.jobs.rehearse import rehearse as replay

    common: Common = context.obj
    _require_log(common.warehouse.settings, users, events)
    with show.progress() as progress:
        rows = replay(common.warehouse, users, events, first, every, until, progress)
    show.result(rows, json or common.json, show_jobs.timeline)


def _require_log(settings: Settings, users: str | None, events: str | None) -> None:
    """Raises BadParameter unless users and events are both given or configured."""
    sources = settings.sources
    if not ((users or sources.users.is_given) and (events or sources.events.is_given)):
        raise typer.BadParameter("give --users FILE and --events FILE, or configure sources")


@command(PANEL, "backtest --origins 4 --every 30")
def backtest(
    context: typer.Context,
    origins: Annotated[int, typer.Option(min=1, metavar="N", help="Number of past dates.")] = 8,
    every: Annotated[
        int | None, typer.Option(min=1, metavar="DAYS", help="Days between them; default: churn.window_days.")
    ] = None,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Train, promote and score as of past dates, and compare with what happened; production is not touched."""
    from churn_duck.jobs.backtest import backtest as walk_forward

    common: Common = context.obj
    with show.progress() as progress, recorded(common.warehouse, "backtest", as_of) as (con, entry):
        rows = walk_forward(con, common.warehouse, origins, every, as_of, progress)
        entry.row_count = len(rows)
    show.result(rows, json or common.json, show_jobs.backtest)
