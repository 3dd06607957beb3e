"""Promotion: challengers against production on the same purged, eligible test rows."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from datetime import date

import duckdb
import numpy as np

from churn_duck.errors import ModelError
from churn_duck.evaluation.bootstrap import Users, interval, resampled
from churn_duck.evaluation.evaluate import test_digest
from churn_duck.evaluation.metrics import (
    LOWER_IS_BETTER,
    Codes,
    Vector,
    calibration_error,
    losses,
    metric_of,
    require_two_classes,
)
from churn_duck.model.dataset import read_rows
from churn_duck.model.onnx_model import PARITY_GATE, OnnxModel
from churn_duck.model.registry import Version, insert_by_name, production_name, registered, versions, write_registry
from churn_duck.model.sampling import affordable_share
from churn_duck.progress import Progress, no_progress
from churn_duck.settings.config import MODEL_NAMES, Promotion, Settings
from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.store import Warehouse, utc_now


@dataclass(frozen=True)
class Evidence:
    """The challenger's gain over production: its 95 % interval, and how often it exceeds `margin`."""

    gain_low: float
    gain_high: float
    chance_better: float
    margin: float
    confidence: float

    @property
    def convinces(self) -> bool:
        return self.chance_better >= self.confidence


@dataclass(frozen=True)
class Decision:
    """The outcome of a comparison: which version is production now, and why."""

    production: str
    previous: str | None
    promoted: bool
    primary_metric: str
    values: dict[str, float]
    test_rows: int
    evidence: Evidence | None
    reason: str


@dataclass(frozen=True)
class Contest:
    """Scores of several versions on the same rows, with label and user of each; `digest` identifies the rows."""

    scores: dict[str, Vector]
    label: Vector
    user: Codes
    metric: str
    digest: str = ""

    def value(self, version: str) -> float:
        (value,) = metric_of(self.metric, self.scores[version], self.label)(np.ones(len(self.label)))
        if math.isnan(value):
            raise ModelError(f"{self.metric} of {version} is NaN; nothing is promoted")
        return value

    def gain(self, version: str) -> float:
        """Returns the metric's value, negated where less is better."""
        return -self.value(version) if self.metric in LOWER_IS_BETTER else self.value(version)

    def log_loss(self, version: str) -> float:
        return float(losses(self.scores[version], self.label)[0].mean())

    def ece(self, version: str) -> float:
        return calibration_error(self.scores[version], self.label)

    def calibration_fault(self, version: str, max_ece: float) -> str:
        """Returns why the version's probabilities must not go into production; empty: they may."""
        rate = float(self.label.mean())
        base = float(losses(np.full(len(self.label), rate), self.label)[0].mean())
        if self.log_loss(version) >= base:
            return f"log-loss {self.log_loss(version):.4f} is no better than the base rate's {base:.4f}"
        if self.ece(version) > max_ece:
            return f"ECE {self.ece(version):.4f} exceeds promotion.max_ece {max_ece:g}"
        return ""

    def compared(self, challenger: str, incumbent: str, rule: Promotion, seed: int) -> Evidence:
        """Compares both on the same resamples of users."""
        metrics = [metric_of(self.metric, self.scores[name], self.label) for name in (challenger, incumbent)]
        users = Users.of(self.user, self.label)
        draws = resampled(metrics, users, seed)
        gain = draws[:, 0] - draws[:, 1]
        gain = -gain if self.metric in LOWER_IS_BETTER else gain
        low, high = interval(gain, users)
        return Evidence(low, high, float(np.mean(gain > rule.margin)), rule.margin, rule.confidence)


def promote(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None = None, progress: Progress = no_progress
) -> Decision:
    """Puts the best newest model into production if it beats the production model, or if there is none registered.

    Raises: ModelError when nothing is trained, or the models cannot be compared on the same test rows.
    """
    end = set_as_of_date(con, warehouse, as_of)
    previous = production_name(con, warehouse)
    incumbent = registered(con, warehouse, previous)
    challengers = _challengers(con, warehouse, end)
    if incumbent is not None and incumbent.as_of_date > end:
        raise ModelError(
            f"production {incumbent.model_version} was trained on data up to {incumbent.as_of_date}, after {end}; "
            "promote at a later --as-of, or use another warehouse for past dates"
        )
    answers = incumbent is not None and incumbent.evaluated_model().answers(warehouse.settings)
    rival = incumbent if incumbent is not None and answers and _holds_out_alike(con, incumbent) else None
    contest = _read_contest(con, warehouse, [*challengers, *([rival] if rival else [])], progress)
    for version in challengers:
        _require_evidence(version, contest)
    decision = decide(
        contest, [v.model_version for v in challengers], rival.model_version if rival else None, warehouse.settings
    )
    if previous is not None and rival is None and decision.promoted:
        fault = _fault(incumbent, answers)
        decision = replace(decision, previous=previous, reason=f"{previous} {fault}")
    if decision.promoted:
        parity = next(max(_parities(v)) for v in challengers if v.model_version == decision.production)
        _record(con, warehouse, contest, decision, end, parity)
    return decision


def _require_evidence(version: Version, contest: Contest) -> None:
    """Raises ModelError unless the version was measured on these rows and its exported files were verified."""
    measured = version.metrics.get("eligible", {}).get(contest.metric)
    if measured is None or not math.isfinite(measured):
        raise ModelError(f"{version.model_version} has no {contest.metric} in its metrics; nothing is promoted")
    if version.metrics.get("test_digest") != contest.digest:
        raise ModelError(
            f"{version.model_version} was measured on a different test set; nothing is promoted; run: churn-duck train"
        )
    if not max(_parities(version)) <= PARITY_GATE:
        raise ModelError(f"{version.model_version} has no proof that its exported files are exact; nothing is promoted")


def _parities(version: Version) -> list[float]:
    parity = version.metrics.get("parity", {})
    return [float(parity.get(role, math.inf)) for role in ("evaluated", "shipped")]


def _challengers(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, end: date) -> list[Version]:
    """Returns the newest version of each model that was trained as of `end` and for the present settings."""
    known = [
        version
        for version in versions(con, warehouse, f"as_of_date = '{end}'")
        if version.evaluated_model().answers(warehouse.settings)
    ]
    newest = [next((v for v in known if v.model == name), None) for name in MODEL_NAMES]
    challengers = [version for version in newest if version is not None]
    if not challengers:
        raise ModelError(f"no model was trained for {end} and these settings; run: churn-duck train --as-of {end}")
    return challengers


def _read_contest(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, contenders: list[Version], progress: Progress
) -> Contest:
    first_test = con.execute("select min(as_of_date) from training_snapshots where split = 'test'").fetchall()[0][0]
    share = affordable_share(con, warehouse.settings, contenders[0].evaluated_model().schema, progress)
    scores = {}
    for version in contenders:
        model = version.evaluated_model()
        _require_unseen(model, first_test)
        rows = read_rows(con, model.schema, "training_dataset", "split = 'test'", share)
        scores[version.model_version] = model.risk(rows.features)
    require_two_classes(rows.label, "eligible test rows")
    metric = warehouse.settings.evaluation.primary_metric
    return Contest(scores, rows.label, rows.user, metric, test_digest(con, rows))


def _holds_out_alike(con: duckdb.DuckDBPyConnection, incumbent: Version) -> bool:
    """Whether the incumbent has seen none of today's test rows, which are later days or a share of the users."""
    by_user = con.execute("select bool_or(split = 'by_user') from training_snapshots").fetchall()[0][0]
    held_out = str(incumbent.evaluated_model().metadata["training"].get("held_out", "dates"))
    return bool(by_user) == (held_out == "users")


def _fault(incumbent: Version | None, answers: bool) -> str:
    """Why production cannot be compared."""
    if incumbent is None:
        return "is not registered"
    if not answers:
        return "was trained for different settings (horizon, population or windows)"
    return "was tested on held-out users and the challengers on later dates, or the reverse"


def _require_unseen(model: OnnxModel, first_test: date | None) -> None:
    if first_test is None:
        return
    last = str(model.metadata["training"]["last_label_date"])
    if last >= str(first_test):
        raise ModelError(
            f"{model.version} was trained on labels up to {last}, and the test rows begin on {first_test}: "
            "it would be tested on data that it was trained on; nothing is promoted"
        )


def decide(contest: Contest, challengers: list[str], incumbent: str | None, settings: Settings) -> Decision:
    """Decides for the best well-calibrated challenger if it beats the incumbent; `contest` has every one's scores."""
    metric, rows = contest.metric, len(contest.label)
    values = {name: contest.value(name) for name in contest.scores}
    faults = {name: contest.calibration_fault(name, settings.promotion.max_ece) for name in challengers}
    trusted = [name for name in challengers if not faults[name]]
    if incumbent is None:
        # something must score, so the best of them goes into production even where no calibration passes
        best = max(trusted, key=contest.gain) if trusted else min(challengers, key=contest.log_loss)
        reason = (
            f"best {metric} of {len(values)}; there was no production model"
            if trusted
            else f"no model passes the calibration checks ({faults[best]}); promoting the best of them"
        )
        return Decision(best, None, True, metric, values, rows, None, reason + _passed_over(faults, best))
    if not trusted:
        reason = "; ".join(f"{name}: {fault}" for name, fault in faults.items())
        return Decision(incumbent, incumbent, False, metric, values, rows, None, reason)
    best = max(trusted, key=contest.gain)
    if best == incumbent:
        reason = "the best model is already in production"
        return Decision(incumbent, incumbent, False, metric, values, rows, None, reason)
    rivals = [name for name in trusted if name != incumbent]
    rule = _strict(settings.promotion, len(rivals))
    evidence = contest.compared(best, incumbent, rule, settings.training.random_state)
    reason = _comparison(best, evidence, len(rivals)) + _passed_over(faults, best)
    winner = best if evidence.convinces else incumbent
    return Decision(winner, incumbent, evidence.convinces, metric, values, rows, evidence, reason)


def _comparison(challenger: str, evidence: Evidence, challengers: int) -> str:
    best_of = f" of the best of {challengers}" if challengers > 1 else ""
    return (
        f"{challenger} is better by more than {evidence.margin:g} in {evidence.chance_better:.1%} of user resamples, "
        f"{evidence.confidence:.1%} are required{best_of}; gain {evidence.gain_low:+.4f} to {evidence.gain_high:+.4f}"
    )


def _strict(rule: Promotion, challengers: int) -> Promotion:
    """Divides the allowed error by the number of challengers, since the best of several is also the luckiest."""
    return rule.model_copy(update={"confidence": 1 - (1 - rule.confidence) / challengers})


def _passed_over(faults: dict[str, str], best: str) -> str:
    """Names the challengers that were not considered, and why."""
    return "".join(f"; passed over {name}: {fault}" for name, fault in faults.items() if fault and name != best)


def _record(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    contest: Contest,
    decision: Decision,
    end: date,
    parity: float,
) -> None:
    winner = decision.production
    row = {
        "promoted_at": utc_now(),
        "model_version": winner,
        "previous_version": decision.previous,
        "as_of_date": end,
        "primary_metric": decision.primary_metric,
        "metric_value": decision.values[winner],
        "previous_value": decision.values.get(decision.previous or ""),
        **(asdict(decision.evidence) if decision.evidence else {}),
        "test_rows": decision.test_rows,
        "reason": decision.reason,
        "log_loss": contest.log_loss(winner),
        "ece": contest.ece(winner),
        "parity": parity,
    }
    insert_by_name(con, "promotions", row)
    write_registry(con, warehouse)
