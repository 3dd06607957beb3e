"""The sentences of the performance report: what was left out, what failed, and when not to trust an estimate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import comb
from typing import Any

from churn_duck.settings.config import Settings

NAMES = {"churn_rate": "churn rate", "pr_auc": "PR-AUC"}
NOMINAL = 0.95
# a miss that would happen by chance less often than this is one
UNLIKELY = 0.05
FEW_DATES = 5
FEW_WINDOWS = 3
# churn windows after which a model is old
OLD_WINDOWS = 3
# an interval of a share that is wider leaves everything open
TOO_WIDE = 0.5


def remarks(found: Mapping[str, Any]) -> list[str]:
    """What a reader of the figures must know."""
    return [*_nothing_to_see(found), *_left_out(found), *_rule_wins(found)]


def _nothing_to_see(found: Mapping[str, Any]) -> Iterator[str]:
    if not found["dates"]:
        yield f"nothing has been scored up to {found['as_of_date']}; run: churn-duck score"
    elif not any(row["matured_users"] for row in found["dates"]):
        first = min(row["matures_on"] for row in found["dates"])
        yield f"no label is known yet; the first ones will be on {first}"


def _left_out(found: Mapping[str, Any]) -> Iterator[str]:
    missing = sum(row["missing_users"] for row in found["dates"])
    if missing:
        yield f"{missing:,} scored rows are of users that users_clean no longer knows: counted, never labelled"
    if found["other_horizon_scorings"]:
        yield (
            f"{found['other_horizon_scorings']:,} scorings are of models for another churn.window_days, "
            "which these labels cannot judge"
        )


def _rule_wins(found: Mapping[str, Any]) -> Iterator[str]:
    for row in found["intervals"]:
        if row["metric"] == "pr_auc_gain" and row["low"] <= 0:
            yield (
                f"{row['as_of_date']}: {row['model_version']} did not beat the recency rule beyond its 95 % interval "
                f"(PR-AUC gain {row['low']:+.3f} to {row['high']:+.3f})"
            )


def doubts(found: Mapping[str, Any], settings: Settings) -> list[str]:
    """When not to trust the newest estimates; empty: nothing speaks against them."""
    if not found["estimates"]:
        return []
    last = found["evidence"][-1]["as_of_date"]
    newest = [row for row in found["evidence"] if row["as_of_date"] == last]
    return [
        *_record(found),
        *_wide([row for row in found["estimates"] if row["as_of_date"] == last]),
        *(f"estimate of {last}: {doubt}" for ground in newest for doubt in _ground(ground, settings)),
    ]


def _record(found: Mapping[str, Any]) -> Iterator[str]:
    for metric, name in NAMES.items():
        judged = [row["is_covered"] for row in found["estimates"] if row["metric"] == metric]
        known = [covered for covered in judged if covered is not None]
        n, covered = len(known), sum(known)
        if n < FEW_DATES:
            yield f"{n} estimates of the {name} could be judged so far: too few to say whether the intervals hold"
        if n and _chance_of_at_most(covered, n) < UNLIKELY:
            yield (
                f"{covered} of {n} intervals of the {name} held what came true, {covered / n:.0%} where {NOMINAL:.0%} "
                "are promised: do not trust them"
            )


def _wide(estimates: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for row in estimates:
        if row["high"] - row["low"] > TOO_WIDE:
            yield (
                f"estimate of {row['as_of_date']}: the interval of the {NAMES[row['metric']]} is {row['low']:.2f} to "
                f"{row['high']:.2f}, which says next to nothing: the test dates missed by as much"
            )


def _chance_of_at_most(covered: int, n: int) -> float:
    """Of so few covered among n, if each were with the nominal chance."""
    return sum(comb(n, k) * NOMINAL**k * (1 - NOMINAL) ** (n - k) for k in range(covered + 1))


def _ground(ground: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    version, window = ground["model_version"], settings.churn.window_days
    if ground["test_dates"] is None or ground["model_age_days"] is None:
        yield f"{version} is not registered with its test rows, so nothing can be estimated"
        return
    if ground["test_windows"] < FEW_WINDOWS:
        yield (
            f"the test dates of {version} span {ground['test_windows']} churn windows: how much dates differ is "
            "hardly known"
        )
    if ground["test_ece"] > settings.promotion.max_ece:
        yield f"the ECE of {version} was {ground['test_ece']:.3f} on its test rows: its risks are no probabilities"
    if not ground["is_calibrated"]:
        yield f"{version} is not calibrated"
    if not ground["lowest_mean_risk"] <= ground["mean_risk"] <= ground["highest_mean_risk"]:
        yield (
            f"the mean risk of {ground['mean_risk']:.1%} lies outside of what the test dates of {version} showed "
            f"({ground['lowest_mean_risk']:.1%} to {ground['highest_mean_risk']:.1%})"
        )
    if ground["model_age_days"] > OLD_WINDOWS * window:
        yield f"{version} last learned {ground['model_age_days']} days before, more than {OLD_WINDOWS} churn windows"
