"""Commands that score users and show how the scores are distributed."""

from __future__ import annotations

from dataclasses import asdict

import typer

from churn_duck.jobs.run_log import recorded
from churn_duck.warehouse.store import working
from churn_duck_cli import run_entry
from churn_duck_cli.app import command
from churn_duck_cli.options import AsOf, Common, Json, TopK
from churn_duck_cli.printing import common as show
from churn_duck_cli.printing import scoring as show_scoring

PANEL = "Scores"
SHOWN = 10


@command(PANEL, "score --top-k 100")
def score(context: typer.Context, as_of: AsOf = None, top_k: TopK = None, json: Json = False) -> None:
    """Score every eligible user with the production model and write the ranked lists."""
    from churn_duck.scoring.score import score as score_users
    from churn_duck.scoring.score import top_rows

    common: Common = context.obj
    with show.progress() as progress, recorded(common.warehouse, "score", as_of) as (con, entry):
        scored = score_users(con, common.warehouse, as_of, top_k, progress)
        run_entry.note_scored(entry, scored)
        rows = top_rows(con, scored.as_of_date, SHOWN)
    if json or common.json:
        show.as_json({**asdict(scored), "top": rows})
    else:
        show_scoring.scored(scored)
        show_scoring.top(rows)


@command(PANEL, "score-proxy")
def score_proxy(context: typer.Context, json: Json = False) -> None:
    """Show the score distribution of the newest predictions, whose labels are not yet known."""
    from churn_duck.scoring.distribution import score_proxy as distribution

    common: Common = context.obj
    with show.progress() as progress, working(common.warehouse, "score-proxy") as con:
        progress("reading the predictions")
        content = distribution(con, common.warehouse, None)
    show.result(content, json or common.json, show_scoring.distribution)
