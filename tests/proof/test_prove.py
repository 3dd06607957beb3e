"""The proofs hold, and would not if the engine were wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from churn_duck_cli.main import _exit_code

from churn_duck.evaluation.bootstrap import Users, interval
from churn_duck.evaluation.intervals import figures, intervals
from churn_duck.evaluation.metrics import Vector, calibration_error, sigmoid
from churn_duck.model.dataset import Rows
from churn_duck.proof import prove as proving
from churn_duck.proof.finding import Finding, each
from churn_duck.proof.leakage import PLACEBOS, by_dice, garbled
from churn_duck.proof.prove import Effort, calibration, coverage, promotion, prove
from churn_duck.proof.simulated_scores import Planted
from churn_duck.training.calibrate import Calibration
from tests.conftest import silent

SMALL = Effort(trials=8, worlds=20)


def wrong(findings: list[Finding]) -> list[Finding]:
    return [one for one in findings if not one.holds]


@pytest.mark.parametrize(
    ("recovered", "low", "high", "bound", "holds"),
    [
        (0.5, 0.4, 0.6, "0.400 to 0.600", True),
        (0.5, 0.6, None, "at least 0.600", False),
        (0.5, None, 0.4, "at most 0.400", False),
        (0.5, None, None, "to compare", True),
        (float("nan"), 0.0, 1.0, "0.000 to 1.000", False),
    ],
)
def test_a_finding_holds_within_its_bounds_and_nan_never(
    recovered: float, low: float | None, high: float | None, bound: str, holds: bool
) -> None:
    finding = Finding("proof", "planted", "figure", recovered, low, high)
    assert (finding.bound, finding.holds) == (bound, holds)


def test_trials_come_back_in_order_from_many_processes() -> None:
    heard: list[str] = []
    assert each(abs, 60, heard.append, "counting") == list(range(60))
    assert heard[-1] == "counting: 60 of 60"


def test_a_planted_over_confidence_is_found_and_undone() -> None:
    assert wrong(list(calibration(SMALL, silent))) == []


def test_a_calibration_that_does_nothing_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "fitted", lambda said, label: Calibration(1.0, 0.0, len(label)))
    assert len(wrong(list(calibration(SMALL, silent)))) == 5


def test_most_intervals_hold_the_truth_and_those_by_row_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "ALL_USERS", 20_000)
    monkeypatch.setattr(proving, "REPLICATES", 100)
    found = list(coverage(SMALL, silent, n_users=150))
    by_user = [one.recovered for one in found if "rows" not in one.planted]
    by_row = [one.recovered for one in found if "rows" in one.planted]
    assert np.mean(by_user) > 0.85
    assert np.mean(by_row) < np.mean(by_user)


def test_equals_are_seldom_promoted_and_the_better_mostly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "ALL_USERS", 20_000)
    assert wrong(list(promotion(SMALL, silent))) == []


def test_the_scores_of_a_planted_world_are_calibrated_unless_trusted_too_much() -> None:
    for trust, most, least in ((1.0, 0.01, 0.0), (1.5, 1.0, 0.03)):
        rows = Planted(trust=trust).outcomes(30_000, np.random.default_rng(1))
        assert least <= calibration_error(rows.churn_risk, rows.label) <= most


def test_the_figures_are_the_middle_of_their_intervals_but_for_the_ece() -> None:
    rows = Planted().outcomes(400, np.random.default_rng(1))
    values, ranges = figures(rows, 20), intervals(rows, 20, 1, 100)
    assert set(values) == set(ranges)
    outside = [name for name, (low, high) in ranges.items() if not low <= values[name] <= high]
    assert outside == []
    assert ranges["model", "ece"][0] == 0


def test_an_interval_is_wider_where_few_users_tell() -> None:
    values = np.linspace(0, 1, 1001)
    few, many = (width(values, churners) for churners in (8, 4000))
    assert few > many
    assert many == pytest.approx(0.95, abs=1e-3)


def width(values: Vector, churners: int) -> float:
    label = (np.arange(3 * churners) < churners).astype(float)
    low, high = interval(values, Users.of(np.arange(3 * churners), label))
    return high - low


def test_users_who_tell_are_those_of_the_rarer_class() -> None:
    label = np.array([1.0, 1, 1, 0, 0, 0, 0])
    assert Users.of(np.array([1, 1, 2, 2, 3, 4, 5]), label).rarer_class_users == 2
    assert Users.of(np.array([1, 1, 1, 2, 3, 4, 5]), label).rarer_class_users == 1


def test_the_command_prints_data_and_fails_when_a_figure_is_out_of_bounds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    good = Finding("promotion", "an equal model", "promoted", 0.04, None, 0.081)
    for found, code in (([good], 0), ([good, replace(good, recovered=0.2)], 1)):
        monkeypatch.setattr(proving, "prove", lambda *asked, found=found: iter(found))
        assert _exit_code(["--warehouse", str(tmp_path), "prove", "--json"]) == code
        told = capsys.readouterr()
        assert [one["holds"] for one in json.loads(told.out)] == [True, False][: len(found)]
    assert "1 of 2 figures are out of their bounds: an equal model: promoted" in told.err
    assert _exit_code(["--warehouse", str(tmp_path), "prove"]) == 1
    assert "FAILED  promotion" in capsys.readouterr().out


def test_garbling_changes_every_later_event_and_no_earlier_one(business: Path) -> None:
    events, evening = pl.read_parquet(business / "events.parquet"), date(2025, 6, 20)
    changed, past = garbled(events, evening), pl.col("event_time").dt.date() < evening
    assert changed.filter(past).equals(events.filter(past))
    assert set(changed.filter(~past)["event_type"]) == {"support_ticket"}


def test_labels_by_dice_are_alike_within_a_window_and_not_beyond() -> None:
    days = [date(2025, 1, 1) + timedelta(days=ahead) for ahead in (0, 7, 31)] * 4000
    empty = np.empty(0)
    rows = Rows(
        empty, empty, empty, np.repeat(np.arange(4000), 3), empty, empty, empty, pl.DataFrame({"as_of_date": days})
    )
    near, later = np.corrcoef(by_dice(rows, np.random.default_rng(1)).reshape(4000, 3).T)[0, 1:]
    assert near > 0.5
    assert abs(later) < 0.05


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_proof_holds_at_its_full_size(tmp_path: Path) -> None:
    assert wrong(list(prove(Effort(), tmp_path, silent))) == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_metric_is_covered_in_a_smaller_business_too() -> None:
    found = coverage(Effort(worlds=1000, seed=7), silent, n_users=300)
    assert wrong(list(found)) == []


def test_too_sure_scores_have_a_risk_further_from_one_half() -> None:
    calm, rash = (Planted(trust=trust).outcomes(50, np.random.default_rng(2)) for trust in (1.0, 1.5))
    assert np.array_equal(calm.label, rash.label)
    assert np.all(np.abs(rash.churn_risk - 0.5) >= np.abs(calm.churn_risk - 0.5))
    assert np.allclose(rash.churn_risk, sigmoid(1.5 * np.log(calm.churn_risk / (1 - calm.churn_risk))))


def test_the_page_shows_what_the_defaults_print() -> None:
    shown = (Path(__file__).parents[2] / "docs" / "proofs.md").read_text()
    assert "FAILED" not in shown
    assert f"{Effort().worlds} worlds of {proving.USERS} users" in shown
    assert f"an equal model, {Effort().trials} times" in shown
    assert f"users who come back by dice, {PLACEBOS} times" in shown
