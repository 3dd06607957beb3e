"""Commands that generate data with known effects and check what the engine recovers of them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from churn_duck.errors import ProofFailed
from churn_duck.proof.synthetic import World
from churn_duck_cli.app import command
from churn_duck_cli.options import Common, Json, Start, as_date
from churn_duck_cli.printing import common as show
from churn_duck_cli.printing import proof as show_proof

PANEL = "Synthetic data"
DEFAULT = World()


@command(PANEL, "generate --out generated --n-users 500 --days 365")
def generate(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the three files.")] = Path("generated"),
    n_users: Annotated[int, typer.Option(min=1, help="Number of users over the whole period.")] = DEFAULT.n_users,
    days: Annotated[int, typer.Option(min=1, help="Days of events.")] = DEFAULT.days,
    start_date: Start = DEFAULT.start_date,
    seed: Annotated[int, typer.Option(min=0, help="Random seed; the same seed gives the same files.")] = DEFAULT.seed,
    paid_ratio: Annotated[float, typer.Option(min=0, max=0.99, help="Share of users who pay.")] = DEFAULT.paid_ratio,
    churn_base_rate: Annotated[
        float, typer.Option(min=0, max=0.99, help="Share of users who lose interest within any 120 days.")
    ] = DEFAULT.churn_base_rate,
    change_on: Annotated[
        date | None,
        typer.Option(parser=as_date, metavar="DATE", help="From this day on, users visit less often and watch longer."),
    ] = None,
) -> None:
    """Generate synthetic users.parquet and events.parquet, and the ground truth in truth.parquet."""
    from churn_duck.proof.generate import generate as write_files

    world = World(n_users, days, start_date, seed, paid_ratio, churn_base_rate, change_on)
    with show.progress() as progress:
        for done in write_files(world, out):
            progress(f"{done:,} of {n_users:,} users")
    show_proof.generated(world, out)


@command(PANEL, "prove --trials 20 --worlds 100")
def prove(
    context: typer.Context,
    trials: Annotated[
        int, typer.Option(min=1, metavar="N", help="Number of comparisons between models whose quality is known.")
    ] = 200,
    worlds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Number of test sets whose true metrics are known.")
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Random seed; the same seed gives the same figures.")] = DEFAULT.seed,
    json: Json = False,
) -> None:
    """Plant known effects and show how well they are recovered; exit 1 if a figure is out of bounds."""
    from churn_duck.proof.prove import Effort
    from churn_duck.proof.prove import prove as run_proofs

    common: Common = context.obj
    with show.progress() as progress, TemporaryDirectory(prefix="churn-duck-") as folder:
        findings = list(run_proofs(Effort(trials, worlds, seed), Path(folder), progress))
    show_proof.findings(findings, json or common.json)
    missed = [f"{finding.planted}: {finding.figure}" for finding in findings if not finding.holds]
    if missed:
        raise ProofFailed(f"{len(missed)} of {len(findings)} figures are out of their bounds: {'; '.join(missed)}")
