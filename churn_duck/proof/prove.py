"""Plants known effects and measures what the engine's own functions recover of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from churn_duck.evaluation.intervals import figures, intervals
from churn_duck.evaluation.metrics import RANKING, Vector, calibration_error, calibration_line, sigmoid
from churn_duck.evaluation.promote import Contest, decide
from churn_duck.progress import Progress
from churn_duck.proof.finding import Finding, each
from churn_duck.proof.leakage import leakage
from churn_duck.proof.simulated_scores import Planted
from churn_duck.settings.config import Promotion, Settings
from churn_duck.training.calibrate import fitted

# rate of promoting an equal model; of intervals that cover the truth; of promoting a better model
ERROR, COVERED, POWER = 0.05, (0.93, 0.97), 0.8
# users of the population, and of a test set of a small business
ALL_USERS, USERS = 300_000, 400
CAPACITY = 20
# resamples per interval; more worlds add more precision than more resamples
REPLICATES = 500
CALIBRATIONS, CALIBRATION_ROWS = 200, 8000
ECE = ("model", "ece")
PROVEN = (
    *(("model", metric) for metric in (*RANKING, "log_loss", "brier", "slope", "intercept")),
    *(("model", f"{kind}_top_10%") for kind in ("precision", "lift")),
    *(("model", f"{metric}_gain") for metric in RANKING),
    ("rows", "churn_rate"),
)
Name = tuple[str, str]
# noise of the incumbent's signal, and of a better challenger's
BLUR, CLEARER = 1.2, 0.6


@dataclass(frozen=True)
class Effort:
    """The number of trials per proof; `seed` determines every random number."""

    trials: int = 200
    worlds: int = 1000
    seed: int = 42

    def random(self, *which: int) -> np.random.Generator:
        """Returns independent random numbers for each trial of each proof."""
        return np.random.default_rng([self.seed, *which])


def prove(effort: Effort, folder: Path, progress: Progress) -> Iterator[Finding]:
    """Yields the findings of all proofs; `folder` is for the warehouses of the last one."""
    yield from calibration(effort, progress)
    yield from coverage(effort, progress)
    yield from promotion(effort, progress)
    yield from leakage(effort.seed, folder, progress)


def calibration(effort: Effort, progress: Progress, trust: float = 1.6, shift: float = 0.5) -> Iterator[Finding]:
    """Yields findings on log-odds scaled by `trust` and moved by `shift`, whose inverse sigmoid is known."""
    progress("calibration")
    results = [_calibrated(effort.random(1, number), trust, shift) for number in range(CALIBRATIONS)]
    slope, intercept, after, ece_before, ece_after = np.array(results).T
    planted = f"log-odds times {trust:g} plus {shift:g}, {CALIBRATIONS} times"
    yield Finding("calibration", planted, "fitted slope", *_near(slope, 1 / trust))
    yield Finding("calibration", planted, "fitted intercept", *_near(intercept, -shift / trust))
    yield Finding("calibration", planted, "slope on new rows after it", *_near(after, 1.0))
    yield Finding("calibration", planted, "ECE on new rows before it", float(ece_before.mean()))
    yield Finding("calibration", planted, "ECE on new rows after it", float(ece_after.mean()), None, 0.02)
    yield Finding("calibration", planted, "share of times that it fell", float(np.mean(ece_after < ece_before)), 0.99)


def _calibrated(random: np.random.Generator, trust: float, shift: float) -> list[float]:
    """Returns slope and intercept from half of the rows; slope, ECE before and ECE after on the other half."""
    honest = random.normal(-2, 1.2, CALIBRATION_ROWS)
    scores, label = honest * trust + shift, (random.random(CALIBRATION_ROWS) < sigmoid(honest)).astype(np.float64)
    half = CALIBRATION_ROWS // 2
    sigmoid_fit = fitted(scores[:half], label[:half])
    scores, label = scores[half:], label[half:]
    risk = sigmoid_fit.applied(scores)
    errors = [calibration_error(sigmoid(scores), label), calibration_error(risk, label)]
    return [sigmoid_fit.slope, sigmoid_fit.intercept, calibration_line(risk, label)[0], *errors]


def _near(values: Vector, truth: float) -> tuple[float, float, float]:
    """Returns the mean, and bounds of three standard errors around the truth."""
    error = 3 * float(values.std(ddof=1)) / len(values) ** 0.5
    return float(values.mean()), truth - error, truth + error


def coverage(effort: Effort, progress: Progress, n_users: int = USERS) -> Iterator[Finding]:
    """Yields how many 95 % intervals cover the population figure; resampling rows instead of users must fail."""
    worlds, few = effort.worlds, max(effort.worlds // 4, 1)
    planted = f"{worlds} worlds of {n_users} users"
    for metric, share in _coverage(effort, progress, Planted(), n_users, [*PROVEN, ECE], worlds).items():
        # noise biases an ECE upwards, so its interval is conservative
        yield Finding("coverage", planted, metric, share, COVERED[0], None if metric == "ece" else COVERED[1])
    rash = Planted(trust=1.5)
    planted = f"{few} worlds of scores 1.5 times too sure"
    for metric, share in _coverage(effort, progress, rash, n_users, [ECE], few).items():
        yield Finding("coverage", planted, metric, share, COVERED[0])
    planted = f"{few} worlds, rows drawn instead of users"
    for metric, share in _coverage(effort, progress, Planted(), n_users, PROVEN[:4], few, by_row=True).items():
        yield Finding("coverage", planted, metric, share, None, COVERED[0])


def _coverage(
    effort: Effort,
    progress: Progress,
    planted: Planted,
    n_users: int,
    names: list[Name] | tuple[Name, ...],
    worlds: int,
    by_row: bool = False,
) -> dict[str, float]:
    progress("coverage: the truth of all users")
    everybody = figures(planted.outcomes(ALL_USERS, effort.random(2)), CAPACITY)
    truth = {name: everybody[name] for name in names}
    work = partial(_holds, effort, planted, n_users, truth, by_row)
    held = np.mean(each(work, worlds, progress, "coverage: worlds"), axis=0)
    return {metric: float(share) for (_, metric), share in zip(names, held, strict=True)}


def _holds(
    effort: Effort, planted: Planted, n_users: int, truth: Mapping[Name, float], by_row: bool, number: int
) -> list[bool]:
    """Returns whether the interval of each figure covers its truth in one world."""
    rows = planted.outcomes(n_users, effort.random(3, number))
    rows = replace(rows, user=np.arange(len(rows.user))) if by_row else rows
    bounds = intervals(rows, CAPACITY, number, REPLICATES)
    return [bounds[name][0] <= value <= bounds[name][1] for name, value in truth.items()]


def promotion(effort: Effort, progress: Progress, n_users: int = USERS) -> Iterator[Finding]:
    """Yields how often the gate promotes an equal, one of two equals, a better one, and one within the margin."""
    most = ERROR + 2 * (ERROR * (1 - ERROR) / effort.trials) ** 0.5
    gain = _gain(effort, n_users)
    times = f"{effort.trials} times"

    def tried(blurs: dict[str, float], margin: float = 0.0) -> Vector:
        work = partial(_promoted, effort, n_users, blurs, margin)
        return np.asarray(np.mean(each(work, effort.trials, progress, "promotion: trials"), axis=0))

    yield Finding("promotion", f"an equal model, {times}", "promoted", tried({"new": BLUR})[0], None, most)
    two = tried({"new": BLUR, "other": BLUR})
    yield Finding("promotion", f"two equal models, {times}", "the better one promoted", two[0], None, most)
    yield Finding("promotion", f"two equal models, {times}", "the same, if each were tested as if alone", two[1])
    better = tried({"new": CLEARER})[0]
    yield Finding("promotion", f"a gain in PR-AUC of {gain:.3f}, {times}", "promoted", better, POWER)
    level = tried({"new": CLEARER}, margin=gain)[0]
    yield Finding("promotion", f"the same gain, and a margin of as much, {times}", "promoted", level, None, most)


def _contest(planted: Planted, n_users: int, blurs: Mapping[str, float], random: np.random.Generator) -> Contest:
    """Returns calibrated risks of models that see the same signal, each with its own noise."""
    rows = planted.rows(n_users, random)
    noise = {name: blur * random.normal(size=len(rows.label)) for name, blur in blurs.items()}
    scores = {name: sigmoid(planted.honest(rows.signal + noise[name], blur)) for name, blur in blurs.items()}
    return Contest(scores, rows.label, rows.user, "pr_auc")


def _gain(effort: Effort, n_users: int) -> float:
    """Returns the population gain in PR-AUC of the model with less noise."""
    everybody = _contest(Planted(), ALL_USERS, {"old": BLUR, "new": CLEARER}, effort.random(4))
    return everybody.gain("new") - everybody.gain("old")


def _promoted(
    effort: Effort, n_users: int, blurs: Mapping[str, float], margin: float, number: int
) -> tuple[bool, bool]:
    """Returns whether the best challenger is promoted, and whether it would be if it were the only one."""
    contest = _contest(Planted(), n_users, {"old": BLUR, **blurs}, effort.random(5, number))
    rule = Promotion(margin=margin)
    decision = decide(contest, list(blurs), "old", Settings(promotion=rule))
    alone = decision.evidence is not None and decision.evidence.chance_better >= rule.confidence
    return decision.promoted, alone
