"""Printing what drift and its kin have found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from churn_duck_cli.show import table

if TYPE_CHECKING:
    from churn_duck.monitoring.drift import Checked, Verdict
    from churn_duck.monitoring.drift_demo import Shown
    from churn_duck.scoring.distribution import ScoreProxy

# of what is well, the first ones only
SHOWN_OK = 5
KINDS = {"volume": "data volume", "freshness": "freshness", "score": "score", "label": "label rate", "column": "column"}


def checked(found: Checked) -> None:
    """Whatever is not well, the largest of what is, everything that is no feature, then the verdict in a sentence."""
    features = [one for one in found.verdicts if one.kind not in KINDS]
    others = [one for one in found.verdicts if one.kind in KINDS]
    bad = [one for one in features if one.verdict in ("WARN", "FAIL")]
    shown = [*bad, *[one for one in features if one not in bad][:SHOWN_OK]]
    table(("", "psi", "floor", "verdict", "what moved most"), [_line(one) for one in [*shown, *others]], left=5)
    if len(shown) < len(features):
        typer.echo(f"and {len(features) - len(shown)} more features that are OK")
    typer.echo(f"\n{_sentence(found)}")


def _line(one: Verdict) -> Sequence[str]:
    name = f"{one.name} ({KINDS[one.kind]})" if one.kind in KINDS else one.name
    numbers = ["" if value is None else f"{value:.3f}" for value in (one.psi, one.floor_psi)]
    return (name, *numbers, one.verdict or "-", one.message)


def _sentence(found: Checked) -> str:
    failed, warned = found.names("FAIL"), found.names("WARN")
    about = f"{found.as_of_date} against what {found.model_version} learned from"
    if not failed and not warned:
        return f"OK: {about}: no drift"
    parts = [f"{len(names)} {verdict}: {', '.join(names)}" for verdict, names in (("FAIL", failed), ("WARN", warned))]
    return f"{found.status}: {about}: " + "; ".join(part for part in parts if not part.startswith("0 "))


def both(shown: Shown) -> None:
    """Before and after."""
    typer.echo(f"before: {_sentence(shown.before)}\n")
    typer.echo(f"after {', '.join(shown.columns)} times {shown.strength:g}, in a copy:")
    checked(shown.after)


def proxy(content: ScoreProxy) -> None:
    """One line of figures."""
    typer.echo(
        f"{content['scored_rows']:,} users scored at {content['as_of_date']} by {content['model_version']}: "
        f"mean {content['mean']:.3f}, p50 {content['p50']:.3f}, p90 {content['p90']:.3f}, p99 {content['p99']:.3f}, "
        f"{content['high_risk_rate']:.1%} at {content['high_risk_threshold']:g} or more"
    )
