"""The commands of the loop: a day's job, and a retraining."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from churn_duck.jobs.run_log import recorded
from churn_duck_cli import figures, show
from churn_duck_cli.app import app
from churn_duck_cli.options import AsOf, Events, Global, Json, Users, as_date

if TYPE_CHECKING:
    from churn_duck.jobs.daily import Day
    from churn_duck.jobs.retrain import Renewed, Retrained
    from churn_duck.monitoring.retraining_triggers import Triggers

DRIFTED = 2
Reason = Literal["manual", "schedule", "alert", "drift"]


@app.command()
def daily(
    context: typer.Context,
    users: Users = None,
    events: Events = None,
    retrain: Annotated[bool, typer.Option("--retrain", help="Retrain too where there is a reason.")] = False,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Land, validate, build, score, check for drift, look up what came true, report, publish; exit 2 on drift FAIL."""
    from churn_duck.jobs.daily import daily as run_day
    from churn_duck.serving.publish import publish

    at: Global = context.obj
    with show.progress() as progress, recorded(at.warehouse, "daily", as_of) as (con, entry):
        day = run_day(con, at.warehouse, as_of, progress, users, events, retrain)
        scored = day.scored
        entry.as_of_date, entry.model_version, entry.row_count = scored.as_of_date, scored.model_version, scored.rows
        if day.drift.status == "FAIL":
            entry.outcome, entry.exit_code, entry.message = "drifted", DRIFTED, ", ".join(day.drift.names("FAIL"))
        publish(con, at.warehouse, as_of, progress, (entry.outcome, entry.exit_code))
    show.as_json(_plain_day(day)) if json or at.json else _print_day(day)
    if day.drift.status == "FAIL":
        raise typer.Exit(DRIFTED)


@app.command()
def retrain(
    context: typer.Context,
    users: Users = None,
    events: Events = None,
    if_due: Annotated[
        bool, typer.Option("--if-due", help="Only for a reason that the data gives: drift, losses, schedule, age.")
    ] = False,
    if_new: Annotated[
        bool, typer.Option("--if-new", help="Where there is nothing new to learn from, say so and end with 0, not 5.")
    ] = False,
    reason: Annotated[Reason, typer.Option(help="What asks for it; it is kept.")] = "manual",
    message: Annotated[str | None, typer.Option(metavar="WORDS", help="The same in words, kept beside it.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Also on data that both models have learned from.")] = False,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Land, validate, build, train both models, let the gate decide, and score; exit 5 when nothing is new."""
    from churn_duck.jobs.retrain import renew
    from churn_duck.serving.publish import publish

    at: Global = context.obj
    reasons: dict[str, str] | None = None if if_due else {reason: message or f"asked for: {reason}"}
    with show.progress() as progress, recorded(at.warehouse, "retrain", as_of) as (con, entry):
        made = renew(con, at.warehouse, as_of, reasons, progress, users, events, force, if_new)
        if made.retrained is not None and made.scored is not None:
            decision, scored = made.retrained.decision, made.scored
            entry.outcome = "ok" if decision.promoted else "not_promoted"
            entry.message, entry.model_version = decision.reason, decision.production
            entry.as_of_date, entry.row_count = scored.as_of_date, scored.rows
            publish(con, at.warehouse, as_of, progress, (entry.outcome, entry.exit_code))
        elif made.no_new_data:
            entry.outcome, entry.message = "no_new_data", made.no_new_data
    show.as_json(_plain_renewed(made)) if json or at.json else _print_renewed(made)


@app.command()
def rehearse(
    context: typer.Context,
    first: Annotated[
        date,
        typer.Option("--from", parser=as_date, metavar="DATE", help="The first evening: what came until then lands."),
    ],
    users: Users = None,
    events: Events = None,
    every: Annotated[int, typer.Option(min=1, metavar="DAYS", help="Days from one landing to the next.")] = 7,
    until: Annotated[
        date | None, typer.Option(parser=as_date, metavar="DATE", help="The last evening; default: of the log.")
    ] = None,
    json: Json = False,
) -> None:
    """Live through a log of the past: land, score, check, look up what came true, and retrain where it is due."""
    from churn_duck.jobs.rehearse import rehearse as live_through

    at: Global = context.obj
    sources = at.warehouse.settings.sources
    path_or_query = (users or sources.users.is_given) and (events or sources.events.is_given)
    if not path_or_query:
        raise typer.BadParameter("give --users FILE and --events FILE, or configure sources")
    with show.progress() as progress:
        rows = live_through(at.warehouse, users, events, first, every, until, progress)
    show.as_json(rows) if json or at.json else figures.timeline(rows)


def plain(made: Retrained | None) -> dict[str, object] | None:
    """JSON-ready."""
    if made is None:
        return None
    return {
        "as_of_date": made.as_of_date,
        "reasons": made.reasons,
        "outcome": made.outcome,
        "trained": [version.metrics for version in made.trained],
        "decision": made.decision,
    }


def _plain_day(day: Day) -> dict[str, object]:
    return {
        "landed": day.landed,
        "rules": day.rules,
        "scored": day.scored,
        "drift": {"status": day.drift.status, "failed": day.drift.names("FAIL"), "warned": day.drift.names("WARN")},
        "performance": {"remarks": day.performance["remarks"], "doubts": day.performance["doubts"]},
        "retraining_triggers": day.triggers,
        "retrained": plain(day.retrained),
        "report": str(day.report),
        "top": day.top,
    }


def _plain_renewed(made: Renewed) -> dict[str, object]:
    return {
        "landed": made.landed,
        "rules": made.rules,
        "retraining_triggers": made.triggers,
        "retrained": plain(made.retrained),
        "no_new_data": made.no_new_data,
        "scored": made.scored,
    }


def _print_day(day: Day) -> None:
    show.landed(day.landed)
    failed, warned = day.drift.names("FAIL"), day.drift.names("WARN")
    names = f" ({', '.join([*failed, *warned])})" if failed or warned else ""
    show.scored(day.scored)
    typer.echo(f"drift {day.drift.status}{names}")
    for sentence in day.performance["remarks"]:
        typer.echo(f"NOTE: {sentence}")
    for sentence in day.performance["doubts"]:
        typer.echo(f"DOUBT: {sentence}")
    typer.echo(f"report: {day.report}")
    told(day.triggers, day.retrained)
    typer.echo(f"\nthe {len(day.top)} users most at risk:")
    show.top(day.top)


def _print_renewed(made: Renewed) -> None:
    show.landed(made.landed)
    told(made.triggers, made.retrained)
    if made.no_new_data:
        typer.echo(f"nothing was retrained: {made.no_new_data}")
    if made.scored is not None:
        show.scored(made.scored)


def told(asked: Triggers | None, made: Retrained | None) -> None:
    """Why there was a retraining or not, and what it came to."""
    if asked is not None:
        typer.echo(asked.sentence())
    if made is not None:
        figures.trained(made.trained)
        show.decision(made.decision)
