"""Printing whole jobs: a run, a day, a retraining, a rehearsal and a backtest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from churn_duck_cli.printing import common as show
from churn_duck_cli.printing import ingestion as show_ingestion
from churn_duck_cli.printing import scoring as show_scoring
from churn_duck_cli.printing import training as show_training

if TYPE_CHECKING:
    from churn_duck.jobs.daily import Day
    from churn_duck.jobs.retrain import Renewed, Retrained
    from churn_duck.jobs.run import Ran
    from churn_duck.monitoring.retraining_triggers import Triggers

TIMELINE = (
    *("scored on", "drift", "FAILed", "retrained", "outcome", "scored by"),
    *("users", "left", "PR-AUC", "promised", "rule", "ROC-AUC"),
)


def run(ran: Ran, is_json: bool) -> None:
    """Prints each stage of a run, then the users most at risk."""
    if is_json:
        show.as_json(
            {
                "rules": ran.rules,
                "trained": [version.metrics for version in ran.trained],
                "decision": ran.decision,
                "scored": ran.scored,
                "top": ran.top,
            }
        )
        return
    show_ingestion.landed(ran.landed)
    show_ingestion.rules(ran.rules)
    typer.echo("")
    show_training.trained(ran.trained)
    show_training.decision(ran.decision)
    typer.echo("")
    show_scoring.scored(ran.scored)
    typer.echo(f"\nthe {len(ran.top)} users most at risk:")
    show_scoring.top(ran.top)


def daily(day: Day, is_json: bool) -> None:
    """Prints each stage of a day, then the users most at risk."""
    if is_json:
        show.as_json(_day_content(day))
        return
    show_ingestion.landed(day.landed)
    failed, warned = day.drift.names("FAIL"), day.drift.names("WARN")
    names = f" ({', '.join([*failed, *warned])})" if failed or warned else ""
    show_scoring.scored(day.scored)
    typer.echo(f"drift {day.drift.status}{names}")
    for sentence in day.performance["remarks"]:
        typer.echo(f"NOTE: {sentence}")
    for sentence in day.performance["doubts"]:
        typer.echo(f"DOUBT: {sentence}")
    typer.echo(f"report: {day.report}")
    retraining(day.triggers, day.retrained)
    typer.echo(f"\nthe {len(day.top)} users most at risk:")
    show_scoring.top(day.top)


def _day_content(day: Day) -> dict[str, object]:
    return {
        "landed": day.landed,
        "rules": day.rules,
        "scored": day.scored,
        "drift": {"status": day.drift.status, "failed": day.drift.names("FAIL"), "warned": day.drift.names("WARN")},
        "performance": {"remarks": day.performance["remarks"], "doubts": day.performance["doubts"]},
        **retraining_content(day.triggers, day.retrained),
        "report": str(day.report),
        "top": day.top,
    }


def retrain(renewed: Renewed, is_json: bool) -> None:
    """Prints what became of a retraining."""
    if is_json:
        show.as_json(_renewed_content(renewed))
        return
    show_ingestion.landed(renewed.landed)
    retraining(renewed.triggers, renewed.retrained)
    if renewed.no_new_data:
        typer.echo(f"nothing was retrained: {renewed.no_new_data}")
    if renewed.scored is not None:
        show_scoring.scored(renewed.scored)


def _renewed_content(renewed: Renewed) -> dict[str, object]:
    return {
        "landed": renewed.landed,
        "rules": renewed.rules,
        **retraining_content(renewed.triggers, renewed.retrained),
        "no_new_data": renewed.no_new_data,
        "scored": renewed.scored,
    }


def retraining(triggers: Triggers | None, retrained: Retrained | None) -> None:
    """Prints why there was a retraining or not, and its outcome."""
    if triggers is not None:
        typer.echo(triggers.sentence())
    if retrained is not None:
        show_training.trained(retrained.trained)
        show_training.decision(retrained.decision)


def retraining_content(triggers: Triggers | None, retrained: Retrained | None) -> dict[str, object]:
    """Returns the same, JSON-ready."""
    return {"retraining_triggers": triggers, "retrained": None if retrained is None else _retrained_content(retrained)}


def _retrained_content(retrained: Retrained) -> dict[str, object]:
    return {
        "as_of_date": retrained.as_of_date,
        "reasons": retrained.reasons,
        "outcome": retrained.outcome,
        "trained": [version.metrics for version in retrained.trained],
        "decision": retrained.decision,
    }


def timeline(rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints one line per scored day of the loop, then how often each event occurred."""
    show.table(
        TIMELINE,
        [
            (
                row["as_of_date"],
                row["drift_verdict"] or "",
                _names(row["drift_failed"] or []),
                ", ".join(row["retraining_reasons"] or []),
                row["retraining_outcome"] or "",
                row["model_version"],
                f"{row['scored_users']:,}",
                "" if row["churn_rate"] is None else f"{row['churn_rate']:.1%}",
                *(_or_blank(row[name], 3) for name in ("pr_auc", "expected_pr_auc", "recency_pr_auc", "roc_auc")),
            )
            for row in rows
        ],
        left=6,
    )
    known = [row for row in rows if row["pr_auc"] is not None]
    retrained = [row for row in rows if row["retraining_outcome"]]
    promoted = [row for row in retrained if row["retraining_outcome"] == "promoted"]
    beaten = sum(row["pr_auc"] > row["recency_pr_auc"] for row in known)
    typer.echo(
        f"\n{len(rows)} days scored, {sum(row['drift_verdict'] == 'FAIL' for row in rows)} FAILed; {len(retrained)} "
        f"retrainings, {len(promoted)} promoted; better than the recency rule on {beaten} of {len(known)} known days"
    )


def backtest(rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints one line per origin, then how many origins beat the recency rule and which was worst."""
    show.table(
        (
            "origin",
            "gate",
            "users",
            "churned",
            "mean risk",
            "PR-AUC",
            "incumbent",
            "rule",
            "ROC-AUC",
            "log-loss",
            "lift",
        ),
        [
            (
                row["origin_date"],
                "promoted" if row["is_promoted"] else "not promoted",
                f"{row['eligible_users']:,}",
                f"{row['churn_rate']:.1%}",
                f"{row['mean_risk']:.1%}",
                *(_or_blank(row[name]) for name in ("pr_auc", "incumbent_pr_auc", "recency_pr_auc", "roc_auc")),
                f"{row['log_loss']:.4f} of {_or_blank(row['base_rate_log_loss'])}",
                _or_blank(row["lift_at_k"], 2),
            )
            for row in rows
        ],
        left=2,
    )
    known = [row for row in rows if row["pr_auc"] is not None]
    if known:
        worst = min(known, key=lambda row: row["pr_auc"] - row["recency_pr_auc"])
        gain = worst["pr_auc"] - worst["recency_pr_auc"]
        beaten = sum(row["pr_auc"] > row["recency_pr_auc"] for row in known)
        typer.echo(
            f"\nbetter than the recency rule at {beaten} of {len(known)} origins; "
            f"worst at {worst['origin_date']}: PR-AUC {worst['pr_auc']:.4f}, {gain:+.4f} against the rule"
        )


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def _or_blank(value: float | None, digits: int = 4) -> str:
    return "" if value is None else f"{value:.{digits}f}"
