"""Printing what the test rows say of models: one table a population, eligible first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from churn_duck_cli.show import table

if TYPE_CHECKING:
    from churn_duck.model.registry import Version

TITLES = {"eligible": "eligible test rows", "all": "all test rows"}
COLUMNS = ("", "PR-AUC", "ROC-AUC", "log-loss", "Brier", "ECE")


def trained(versions: Sequence[Version]) -> None:
    """Where the rows come from, then the figures of all versions beside each other."""
    about = versions[0].metrics
    train, test = about["train"], about["test"]
    typer.echo(
        f"trained on {train['rows']:,} rows of {train['first_as_of_date']} to {train['last_as_of_date']} "
        f"(labels to {train['last_label_date']}), tested on {test['first_as_of_date']} to {test['last_as_of_date']}"
    )
    if about["user_share"] < 1:
        typer.echo(
            f"NOTE: a random {about['user_share']:.1%} of the users, since more rows would not fit; "
            "see training.max_rows and engine.memory_limit"
        )
    for population in TITLES:
        _population({version.model: version.metrics[population] for version in versions}, population)
    typer.echo("")
    for version in versions:
        for warning in warnings(version.metrics["eligible"]):
            typer.echo(f"WARNING: {version.model} {warning}")
        typer.echo(f"{version.model}: {_calibration(version.metrics['calibration'])}")
        parity = max(version.metrics["parity"]["evaluated"], version.metrics["parity"]["shipped"])
        typer.echo(f"{version.model_version}: ONNX agrees within {parity:.0e}, {version.folder}")


def evaluated(version: Version, figures: Mapping[str, Mapping[str, Any]], capacity: int) -> None:
    """Everything about one version, population by population."""
    typer.echo(f"{version.model_version}: {_calibration(version.metrics['calibration'])}")
    for population, own in figures.items():
        _population({version.model: own}, population)
        typer.echo("")
        table(("", "", "before calibration", "after"), list(_before_and_after(own)), left=1)
        typer.echo("")
        table(("first users called", "", "precision", "lift", "recency rule"), list(_tops(own, capacity)), left=1)
        typer.echo("")
        table(("tenth by risk", "rows", "mean risk", "churned"), list(_reliability(own)), left=1)
        typer.echo(
            f"\n{own['silent_churners']:.1%} of the churners had already been silent for 14 days or more "
            f"({_range(own['intervals_of_rows']['silent_churners'], '.1%')})"
        )
        for warning in warnings(own):
            typer.echo(f"WARNING: on the {TITLES[population]}, {version.model} {warning}")


def backtested(rows: Sequence[Mapping[str, Any]]) -> None:
    """One line an origin, the worst one named."""
    table(
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
                *(_or_none(row[name]) for name in ("pr_auc", "incumbent_pr_auc", "recency_pr_auc", "roc_auc")),
                f"{row['log_loss']:.4f} of {_or_none(row['base_rate_log_loss'])}",
                _or_none(row["lift_at_k"], 2),
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


LOOP = (
    *("scored on", "drift", "FAILed", "retrained", "outcome", "scored by"),
    *("users", "left", "PR-AUC", "promised", "rule", "ROC-AUC"),
)


def timeline(rows: Sequence[Mapping[str, Any]]) -> None:
    """One line a scored day of the loop, then how often each thing happened."""
    table(
        LOOP,
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
                *(_or_none(row[name], 3) for name in ("pr_auc", "expected_pr_auc", "recency_pr_auc", "roc_auc")),
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


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def _or_none(value: float | None, digits: int = 4) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def warnings(figures: Mapping[str, Any]) -> Iterator[str]:
    """What a reader of the figures must not overlook."""
    if not figures["beats_recency_rule"]:
        yield (
            "does not beat the recency rule (days since last activity) beyond its 95 % interval; "
            "the rule alone ranks as well"
        )
    if figures["log_loss"] >= figures["base_rate"]["log_loss"]:
        yield "has a log-loss no better than the base rate's; read its churn_risk as a ranking, not as a probability"


def _population(models: Mapping[str, Mapping[str, Any]], population: str) -> None:
    rows = next(iter(models.values()))
    typer.echo(
        f"\n{TITLES[population]}: {rows['rows']:,} of {rows['users']:,} users, base rate {rows['churn_rate']:.1%}"
    )
    table(COLUMNS, list(_metric_rows(models)))


def _metric_rows(models: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    for name, own in models.items():
        ranked = [_value(own, metric) for metric in ("pr_auc", "roc_auc")]
        yield name, *ranked, f"{own['log_loss']:.4f}", f"{own['brier']:.4f}", f"{own['ece']:.4f}"
    rule, base = own["recency_rule"], own["base_rate"]
    yield "recency rule", *(_value(rule, metric) for metric in ("pr_auc", "roc_auc")), "", "", ""
    yield (
        "base rate",
        *(f"{base[metric]:.4f}" for metric in ("pr_auc", "roc_auc", "log_loss", "brier")),
        "",
    )


def _before_and_after(own: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    names = {"log_loss": "log-loss", "brier": "Brier", "ece": "ECE", "slope": "slope", "intercept": "intercept"}
    perfect = {"slope": "1 is perfect", "intercept": "0 is perfect"}
    for metric, name in names.items():
        yield name, perfect.get(metric, ""), _value(own["raw"], metric), _value(own, metric)


def _tops(own: Mapping[str, Any], capacity: int) -> Iterator[tuple[str, ...]]:
    names = {"capacity": f"{capacity:,} a day", "top_1%": "top 1 %", "top_5%": "top 5 %", "top_10%": "top 10 %"}
    for top, name in names.items():
        lift, rule = _value(own, f"lift_{top}", 2), f"{own['recency_rule'][f'lift_{top}']:.2f}"
        yield name, "", _value(own, f"precision_{top}"), lift, rule


def _reliability(own: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for row in own["reliability"]["model"]:
        yield str(row["tenth"]), f"{row['rows']:,}", f"{row['mean_risk']:.1%}", f"{row['churn_rate']:.1%}"


def _calibration(told: Mapping[str, Any]) -> str:
    if told["sigmoid"] is None:
        return f"not calibrated: {told['refused']}"
    days = f" of {told['first_as_of_date']} to {told['last_as_of_date']}" if told["first_as_of_date"] else ""
    return (
        f"calibrated on {told['sigmoid']['rows']:,} rows of {told['held_out']}{days}: "
        f"slope {told['sigmoid']['slope']:.3f}, intercept {told['sigmoid']['intercept']:+.3f}"
    )


def _value(own: Mapping[str, Any], metric: str, digits: int = 4) -> str:
    return f"{own[metric]:.{digits}f} ({_range(own['intervals'][metric], f'.{digits - 1}f')})"


def _range(interval: Sequence[float], form: str) -> str:
    return f"{interval[0]:{form}} to {interval[1]:{form}}"
