"""The command that plants known effects and shows what is recovered of them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from churn_duck.errors import ProofFailed
from churn_duck.proof.synthetic import World
from churn_duck_cli import show
from churn_duck_cli.app import app
from churn_duck_cli.options import Global, Json


@app.command()
def prove(
    context: typer.Context,
    trials: Annotated[int, typer.Option(min=1, metavar="N", help="Contests of models whose worth is known.")] = 200,
    worlds: Annotated[int, typer.Option(min=1, metavar="N", help="Test sets whose true figures are known.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same figures.")] = World().seed,
    json: Json = False,
) -> None:
    """Plant known effects and show what is recovered of them; exit 1 when a figure is out of its bounds."""
    from churn_duck.proof.prove import Effort
    from churn_duck.proof.prove import prove as findings

    at: Global = context.obj
    with show.progress() as progress, TemporaryDirectory(prefix="churn-duck-") as folder:
        found = list(findings(Effort(trials, worlds, seed), Path(folder), progress))
    show.findings(found, json or at.json)
    wrong = [f"{one.planted}: {one.figure}" for one in found if not one.holds]
    if wrong:
        raise ProofFailed(f"{len(wrong)} of {len(found)} figures are out of their bounds: {'; '.join(wrong)}")
