"""Printing models: their test metrics (a table per population, eligible first), the list of them, the decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from churn_duck_cli.printing.common import note, table

if TYPE_CHECKING:
    from churn_duck.evaluation.promote import Decision
    from churn_duck.model.registry import Version
    from churn_duck.settings.config import Settings

TITLES = {"eligible": "eligible test rows", "all": "all test rows"}
COLUMNS = ("", "PR-AUC", "ROC-AUC", "log-loss", "Brier", "ECE")


def trained(versions: Sequence[Version]) -> None:
    """Prints which rows were used, then the metrics of all versions side by side."""
    metrics = versions[0].metrics
    train, test = metrics["train"], metrics["test"]
    typer.echo(
        f"trained on {train['rows']:,} rows of {train['first_as_of_date']} to {train['last_as_of_date']} "
        f"(labels to {train['last_label_date']}), tested on {test['first_as_of_date']} to {test['last_as_of_date']}"
    )
    if test.get("held_out") == "users":
        typer.echo("NOTE: tested on a share of the users held out, because the history has too few later days")
    if metrics["user_share"] < 1:
        typer.echo(
            f"NOTE: a random {metrics['user_share']:.1%} of the users, because more rows would not fit in memory; "
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
    """Prints everything about one version, population by population."""
    typer.echo(f"{version.model_version}: {_calibration(version.metrics['calibration'])}")
    for population, own in figures.items():
        _population({version.model: own}, population)
        typer.echo("")
        table(("", "", "before calibration", "after"), list(_before_and_after(own)), left=1)
        typer.echo("")
        table(("users called first", "", "precision", "lift", "recency rule"), list(_tops(own, capacity)), left=1)
        typer.echo("")
        table(("tenth by risk", "rows", "mean risk", "churned"), list(_reliability(own)), left=1)
        typer.echo(
            f"\n{own['silent_churners']:.1%} of the churners had already been silent for 14 days or more "
            f"({_range(own['intervals_of_rows']['silent_churners'], '.1%')})"
        )
        for warning in warnings(own):
            typer.echo(f"WARNING: on the {TITLES[population]}, {version.model} {warning}")


def hints(settings: Settings) -> None:
    """Prints advice on stderr about settings that are valid but rarely wise."""
    silence, window = settings.population.active_within_days, max(settings.features.windows_days)
    if silence is not None and silence > window:
        note(
            f"note: eligible users may have been silent for {silence} days, but no feature looks back further than "
            f"{window} days, so only recency separates the silent users; consider {silence} among features.windows_days"
        )


def model_rows(versions: Sequence[Version], production: str | None) -> list[dict[str, Any]]:
    """Returns one JSON-ready row per version, newest first."""
    return [
        {
            "model_version": version.model_version,
            "as_of_date": version.as_of_date,
            "pr_auc": version.metrics["pr_auc"],
            "roc_auc": version.metrics["roc_auc"],
            "production": version.model_version == production,
        }
        for version in versions
    ]


def models(rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints one line per version; `*` marks production."""
    table(
        ("", "model_version", "as_of_date", "PR-AUC", "ROC-AUC"),
        [
            (
                "*" if row["production"] else "",
                row["model_version"],
                row["as_of_date"],
                f"{row['pr_auc']:.4f}",
                f"{row['roc_auc']:.4f}",
            )
            for row in rows
        ],
        left=3,
    )


def decision(outcome: Decision) -> None:
    """Prints which version is in production, and why."""
    typer.echo(f"{'promoted' if outcome.promoted else 'not promoted; production stays'}: {outcome.production}")
    typer.echo(f"  {outcome.reason}")
    for version, value in outcome.values.items():
        typer.echo(f"  {outcome.primary_metric} {value:.4f}  {version}")


def warnings(figures: Mapping[str, Any]) -> Iterator[str]:
    """Yields what a reader of the metrics must not overlook."""
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


def _calibration(calibration: Mapping[str, Any]) -> str:
    if calibration["sigmoid"] is None:
        return f"not calibrated: {calibration['refused']}"
    days = (
        f" of {calibration['first_as_of_date']} to {calibration['last_as_of_date']}"
        if calibration["first_as_of_date"]
        else ""
    )
    return (
        f"calibrated on {calibration['sigmoid']['rows']:,} rows of {calibration['held_out']}{days}: "
        f"slope {calibration['sigmoid']['slope']:.3f}, intercept {calibration['sigmoid']['intercept']:+.3f}"
    )


def _value(own: Mapping[str, Any], metric: str, digits: int = 4) -> str:
    return f"{own[metric]:.{digits}f} ({_range(own['intervals'][metric], f'.{digits - 1}f')})"


def _range(interval: Sequence[float], form: str) -> str:
    return f"{interval[0]:{form}} to {interval[1]:{form}}"
