"""The sentences of the performance report: what it leaves out, what failed, and when not to trust an estimate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import comb

from churn_duck.monitoring.rows import EstimateEvidence, EstimateRecord, PerformanceFigures
from churn_duck.settings.config import Settings

NAMES = {"churn_rate": "churn rate", "pr_auc": "PR-AUC"}
NOMINAL = 0.95
# a coverage less probable than this is not put down to chance
UNLIKELY = 0.05
FEW_DATES = 5
FEW_WINDOWS = 3
# churn windows after which a model is old
OLD_WINDOWS = 3
# an interval of a share that is wider than this supports no decision
TOO_WIDE = 0.5


def remarks(figures: PerformanceFigures) -> list[str]:
    """Returns what a reader of the figures must know."""
    return [*_nothing_known(figures), *_left_out(figures), *_not_better_than_rule(figures)]


def _nothing_known(figures: PerformanceFigures) -> Iterator[str]:
    if not figures["dates"]:
        yield f"nothing has been scored up to {figures['as_of_date']}; run: churn-duck score"
    elif not any(row["matured_users"] for row in figures["dates"]):
        first = min(row["matures_on"] for row in figures["dates"])
        yield f"no label is known yet; the first are due on {first}"


def _left_out(figures: PerformanceFigures) -> Iterator[str]:
    missing = sum(row["missing_users"] for row in figures["dates"])
    if missing:
        yield f"{missing:,} scored rows belong to users no longer in users_clean; they are counted but have no label"
    if figures["other_horizon_scorings"]:
        yield (
            f"{figures['other_horizon_scorings']:,} scorings by models for another churn.window_days are left out; "
            "these labels cannot judge them"
        )


def _not_better_than_rule(figures: PerformanceFigures) -> Iterator[str]:
    for row in figures["intervals"]:
        if row["metric"] == "pr_auc_gain" and row["low"] <= 0:
            yield (
                f"{row['as_of_date']}: {row['model_version']} was not significantly better than the recency rule "
                f"(95 % interval of the PR-AUC gain: {row['low']:+.3f} to {row['high']:+.3f})"
            )


def doubts(estimates: Sequence[EstimateRecord], evidence: Sequence[EstimateEvidence], settings: Settings) -> list[str]:
    """Returns the reasons not to trust the newest estimates; empty where there are none."""
    if not estimates:
        return []
    last = evidence[-1]["as_of_date"]
    newest = [row for row in evidence if row["as_of_date"] == last]
    return [
        *_coverage(estimates),
        *_too_wide([row for row in estimates if row["as_of_date"] == last]),
        *(f"estimate of {last}: {doubt}" for row in newest for doubt in _weak_evidence(row, settings)),
    ]


def _coverage(estimates: Sequence[EstimateRecord]) -> Iterator[str]:
    for metric, name in NAMES.items():
        known = [row["is_covered"] for row in estimates if row["metric"] == metric and row["is_covered"] is not None]
        n, covered = len(known), sum(known)
        if n < FEW_DATES:
            yield f"only {n} estimates of the {name} have known outcomes: too few to judge the intervals"
        if n and _chance_of_at_most(covered, n) < UNLIKELY:
            yield (
                f"{covered} of {n} intervals of the {name} covered the outcome ({covered / n:.0%} instead of "
                f"{NOMINAL:.0%}): do not trust them"
            )


def _chance_of_at_most(covered: int, n: int) -> float:
    """Probability that `covered` or fewer of n intervals cover, if each does with the nominal probability."""
    return sum(comb(n, k) * NOMINAL**k * (1 - NOMINAL) ** (n - k) for k in range(covered + 1))


def _too_wide(estimates: Sequence[EstimateRecord]) -> Iterator[str]:
    for row in estimates:
        if row["high"] - row["low"] > TOO_WIDE:
            yield (
                f"estimate of {row['as_of_date']}: the interval of the {NAMES[row['metric']]} ({row['low']:.2f} to "
                f"{row['high']:.2f}) is too wide to be useful"
            )


def _weak_evidence(row: EstimateEvidence, settings: Settings) -> Iterator[str]:
    version = row["model_version"]
    if row["test_dates"] is None or row["model_age_days"] is None:
        yield f"{version} is not registered with its test rows, so nothing can be estimated"
        return
    if row["test_windows"] is not None and row["test_windows"] < FEW_WINDOWS:
        yield (
            f"the test dates of {version} span only {row['test_windows']} churn windows: too few to know how much "
            "dates differ"
        )
    if row["test_ece"] is not None and row["test_ece"] > settings.promotion.max_ece:
        ece = f"{row['test_ece']:.3f}"
        yield f"the ECE of {version} was {ece} on its test rows: its risks cannot be read as probabilities"
    if not row["is_calibrated"]:
        yield f"{version} is not calibrated"
    yield from _unusual_risk(row)
    if row["model_age_days"] > OLD_WINDOWS * settings.churn.window_days:
        yield f"{version} is {row['model_age_days']} days old, more than {OLD_WINDOWS} churn windows"


def _unusual_risk(row: EstimateEvidence) -> Iterator[str]:
    lowest, highest = row["lowest_mean_risk"], row["highest_mean_risk"]
    if lowest is not None and highest is not None and not lowest <= row["mean_risk"] <= highest:
        yield (
            f"the mean risk of {row['mean_risk']:.1%} is outside the range of the test dates of {row['model_version']} "
            f"({lowest:.1%} to {highest:.1%})"
        )
