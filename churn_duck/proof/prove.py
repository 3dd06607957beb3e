"""Plants effects that are known and shows what the engine recovers of them, by the engine's own functions."""

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

# of promotions of equals; of intervals that hold the truth; of promotions of the better
ERROR, COVERED, POWER = 0.05, (0.93, 0.97), 0.8
# of the world that stands for all users there could be, and of a test set like that of a small business
ALL_USERS, USERS = 300_000, 400
CAPACITY = 20
# resamples of an interval: more worlds say more than more resamples
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
# noise in what an incumbent sees, and in what a challenger sees that is really better
BLUR, CLEARER = 1.2, 0.6


@dataclass(frozen=True)
class Effort:
    """How often each proof is tried; `seed` decides every random number."""

    trials: int = 200
    worlds: int = 1000
    seed: int = 42

    def random(self, *which: int) -> np.random.Generator:
        """Its own random numbers for every trial of every proof."""
        return np.random.default_rng([self.seed, *which])


def prove(effort: Effort, folder: Path, progress: Progress) -> Iterator[Finding]:
    """Every finding of every proof; `folder` is for the warehouses of the last one."""
    yield from calibration(effort, progress)
    yield from coverage(effort, progress)
    yield from promotion(effort, progress)
    yield from leakage(effort.seed, folder, progress)


def calibration(effort: Effort, progress: Progress, trust: float = 1.6, shift: float = 0.5) -> Iterator[Finding]:
    """Log-odds that are honest ones times `trust` plus `shift`: the sigmoid that undoes both is known."""
    progress("calibration")
    found = [_calibrated(effort.random(1, number), trust, shift) for number in range(CALIBRATIONS)]
    slope, intercept, after, ece_before, ece_after = np.array(found).T
    planted = f"log-odds times {trust:g} plus {shift:g}, {CALIBRATIONS} times"
    yield Finding("calibration", planted, "fitted slope", *_near(slope, 1 / trust))
    yield Finding("calibration", planted, "fitted intercept", *_near(intercept, -shift / trust))
    yield Finding("calibration", planted, "slope on new rows after it", *_near(after, 1.0))
    yield Finding("calibration", planted, "ECE on new rows before it", float(ece_before.mean()))
    yield Finding("calibration", planted, "ECE on new rows after it", float(ece_after.mean()), None, 0.02)
    yield Finding("calibration", planted, "share of times that it fell", float(np.mean(ece_after < ece_before)), 0.99)


def _calibrated(random: np.random.Generator, trust: float, shift: float) -> list[float]:
    """Slope and intercept from half of the rows; slope, ECE without and ECE with them on the other half."""
    honest = random.normal(-2, 1.2, CALIBRATION_ROWS)
    said, label = honest * trust + shift, (random.random(CALIBRATION_ROWS) < sigmoid(honest)).astype(np.float64)
    half = CALIBRATION_ROWS // 2
    found = fitted(said[:half], label[:half])
    said, label = said[half:], label[half:]
    risk = found.applied(said)
    errors = [calibration_error(sigmoid(said), label), calibration_error(risk, label)]
    return [found.slope, found.intercept, calibration_line(risk, label)[0], *errors]


def _near(values: Vector, truth: float) -> tuple[float, float, float]:
    """The mean, and three of its standard errors around the truth."""
    error = 3 * float(values.std(ddof=1)) / len(values) ** 0.5
    return float(values.mean()), truth - error, truth + error


def coverage(effort: Effort, progress: Progress, n_users: int = USERS) -> Iterator[Finding]:
    """How many 95 % intervals hold the figure of all users there could be; rows instead of users must fail."""
    worlds, few = effort.worlds, max(effort.worlds // 4, 1)
    planted = f"{worlds} worlds of {n_users} users"
    for metric, share in _coverage(effort, progress, Planted(), n_users, [*PROVEN, ECE], worlds).items():
        # an ECE has a floor that chance raises: its interval errs on the safe side
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
    """Whether the interval of each figure holds its truth in one world."""
    rows = planted.outcomes(n_users, effort.random(3, number))
    rows = replace(rows, user=np.arange(len(rows.user))) if by_row else rows
    found = intervals(rows, CAPACITY, number, REPLICATES)
    return [found[name][0] <= value <= found[name][1] for name, value in truth.items()]


def promotion(effort: Effort, progress: Progress, n_users: int = USERS) -> Iterator[Finding]:
    """How often the gate lets in an equal, the better of two equals, a better one, and one within the margin."""
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
    """Honest risks of models that see the same signal, each behind noise of its own."""
    rows = planted.rows(n_users, random)
    noise = {name: blur * random.normal(size=len(rows.label)) for name, blur in blurs.items()}
    scores = {name: sigmoid(planted.honest(rows.signal + noise[name], blur)) for name, blur in blurs.items()}
    return Contest(scores, rows.label, rows.user, "pr_auc")


def _gain(effort: Effort, n_users: int) -> float:
    """In PR-AUC, of the model with less noise, over all users there could be."""
    everybody = _contest(Planted(), ALL_USERS, {"old": BLUR, "new": CLEARER}, effort.random(4))
    return everybody.gain("new") - everybody.gain("old")


def _promoted(
    effort: Effort, n_users: int, blurs: Mapping[str, float], margin: float, number: int
) -> tuple[bool, bool]:
    """Whether the best challenger goes into production, and whether it would if it were the only one."""
    contest = _contest(Planted(), n_users, {"old": BLUR, **blurs}, effort.random(5, number))
    rule = Promotion(margin=margin)
    made = decide(contest, list(blurs), "old", Settings(promotion=rule))
    alone = made.evidence is not None and made.evidence.chance_better >= rule.confidence
    return made.promoted, alone
