"""Which model scores: challengers and production on the same purged, eligible test rows."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, replace
from datetime import date

import duckdb
import numpy as np

from churn_duck.config import MODEL_NAMES, Promotion
from churn_duck.dataset import read_rows
from churn_duck.errors import ModelError
from churn_duck.evaluate import LOWER_IS_BETTER, Vector, interval, metric_of, require_two_classes, resampled
from churn_duck.onnx_model import OnnxModel
from churn_duck.registry import Version, production, utc_now, versions, write_registry
from churn_duck.sampling import affordable_share
from churn_duck.warehouse import Tell, Warehouse, see_world, unheard


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
    """What was compared, and who is production now."""

    production: str
    previous: str | None
    promoted: bool
    primary_metric: str
    values: dict[str, float]
    test_rows: int
    evidence: Evidence | None
    reason: str


@dataclass(frozen=True)
class _Contest:
    """Scores of several versions on the same rows."""

    scores: dict[str, Vector]
    label: Vector
    user: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
    metric: str

    def value(self, version: str) -> float:
        (value,) = metric_of(self.metric, self.scores[version], self.label)(np.ones(len(self.label)))
        if math.isnan(value):
            raise ModelError(f"{self.metric} of {version} is NaN; nothing is promoted")
        return value

    def gain(self, version: str) -> float:
        """The metric's value, turned so that more is better."""
        return -self.value(version) if self.metric in LOWER_IS_BETTER else self.value(version)

    def compared(self, challenger: str, incumbent: str, rule: Promotion, seed: int) -> Evidence:
        """Both on the same resamples of users."""
        metrics = [metric_of(self.metric, self.scores[name], self.label) for name in (challenger, incumbent)]
        draws = resampled(metrics, self.label, self.user, seed)
        gain = draws[:, 0] - draws[:, 1]
        gain = -gain if self.metric in LOWER_IS_BETTER else gain
        low, high = interval(gain)
        return Evidence(low, high, float(np.mean(gain > rule.margin)), rule.margin, rule.confidence)


def promote(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None = None, tell: Tell = unheard
) -> Decision:
    """Put the best newest model into production, if it beats what is there.

    Raises: ModelError when nothing is trained, or no two models can be compared on the same test rows.
    """
    end = see_world(con, warehouse, as_of)
    incumbent = production(con, warehouse)
    challengers = _challengers(con, warehouse, end)
    if incumbent is not None and incumbent.as_of_date > end:
        raise ModelError(
            f"production {incumbent.model_version} has seen data up to {incumbent.as_of_date}, after {end}; "
            "promote at a later --as-of, or try the past in a warehouse of its own"
        )
    answers = incumbent is not None and incumbent.evaluated_model().answers(warehouse.settings)
    rival = incumbent if answers else None
    contest = _contest(con, warehouse, [*challengers, *([rival] if rival else [])], tell)
    best = max(challengers, key=lambda version: contest.gain(version.model_version))
    decision = _decide(contest, best.model_version, rival.model_version if rival else None, warehouse)
    if incumbent is not None and rival is None:
        reason = f"{incumbent.model_version} answers another question than the settings ask"
        decision = replace(decision, previous=incumbent.model_version, reason=reason)
    if decision.promoted:
        _record(con, warehouse, decision, end)
    return decision


def _challengers(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, end: date) -> list[Version]:
    """The newest version of each model that was trained for this very evening, and for what the settings ask."""
    known = [
        version
        for version in versions(con, warehouse, f"as_of_date = '{end}'")
        if version.evaluated_model().answers(warehouse.settings)
    ]
    newest = [next((v for v in known if v.model == name), None) for name in MODEL_NAMES]
    found = [version for version in newest if version is not None]
    if not found:
        raise ModelError(f"no model was trained for {end} and these settings; run: churn-duck train --as-of {end}")
    return found


def _contest(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, contenders: list[Version], tell: Tell) -> _Contest:
    first_test = con.execute("select min(as_of_date) from training_snapshots where split = 'test'").fetchall()[0][0]
    share = affordable_share(con, warehouse.settings, contenders[0].evaluated_model().schema, tell)
    scores = {}
    for version in contenders:
        model = version.evaluated_model()
        _require_unseen(model, first_test)
        rows = read_rows(con, model.schema, "training_dataset", "split = 'test'", share)
        scores[version.model_version] = model.risk(rows.features)
    require_two_classes(rows.label, "eligible test rows")
    return _Contest(scores, rows.label, rows.user, warehouse.settings.evaluation.primary_metric)


def _require_unseen(model: OnnxModel, first_test: date) -> None:
    last = str(model.metadata["training"]["last_label_date"])
    if last >= str(first_test):
        raise ModelError(
            f"{model.version} learned from labels up to {last}, the test rows begin on {first_test}: "
            "it would be judged on what it has seen; nothing is promoted"
        )


def _decide(contest: _Contest, best: str, incumbent: str | None, warehouse: Warehouse) -> Decision:
    metric, rows = contest.metric, len(contest.label)
    values = {name: contest.value(name) for name in contest.scores}
    if incumbent is None:
        reason = f"best {metric} of {len(values)}; there was no production model"
        return Decision(best, None, True, metric, values, rows, None, reason)
    if best == incumbent:
        reason = "the newest best model is already production"
        return Decision(incumbent, incumbent, False, metric, values, rows, None, reason)
    settings = warehouse.settings
    found = contest.compared(best, incumbent, settings.promotion, settings.training.random_state)
    reason = (
        f"{best} is better by more than {found.margin:g} in {found.chance_better:.1%} of user resamples, "
        f"{found.confidence:.0%} are needed; gain {found.gain_low:+.4f} to {found.gain_high:+.4f}"
    )
    winner = best if found.convinces else incumbent
    return Decision(winner, incumbent, found.convinces, metric, values, rows, found, reason)


def _record(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, decision: Decision, end: date) -> None:
    previous = decision.values.get(decision.previous) if decision.previous else None
    evidence = astuple(decision.evidence) if decision.evidence else (None,) * 5
    con.execute(
        f"insert into promotions values ({', '.join('?' * 14)})",
        [
            utc_now(),
            decision.production,
            decision.previous,
            end,
            decision.primary_metric,
            decision.values[decision.production],
            previous,
            *evidence,
            decision.test_rows,
            decision.reason,
        ],
    )
    write_registry(con, warehouse)
