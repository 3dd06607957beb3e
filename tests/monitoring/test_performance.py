"""What came true is looked up and never guessed; what was expected was written down before."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from churn_duck_cli.printing.monitoring import performance as print_report
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from churn_duck.jobs.run import Ran
from churn_duck.model.registry import require_production
from churn_duck.monitoring.performance import performance
from churn_duck.scoring.score import score
from churn_duck.warehouse.build import build
from churn_duck.warehouse.store import Warehouse, working
from tests.conftest import silent
from tests.worlds import event, land_rows, same_world, user

DAY = date(2025, 1, 10)
H = 7
RISKS = {1: 0.9, 2: 0.6, 3: 0.6, 4: 0.2}
KEPT_TABLES = ("scores", "expected_performance", "realised_intervals", "explained_scores", "reasons")


@contextmanager
def small(root: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, Warehouse]]:
    """Four users silent for 5, 0, 1 and 2 days on the scored day; 2 comes back on the last day of its window."""
    last = {1: 5, 2: 10, 3: 9, 4: 8}
    seen = [event(n, who, f"2025-01-{day:02}T12:00:00") for n, (who, day) in enumerate(last.items(), 1)]
    seen += [event(9, 2, "2025-01-17T12:00:00"), event(10, 4, "2025-01-12T12:00:00"), event(11, 4, "2025-02-20")]
    options: dict[str, Any] = {
        "churn": {"window_days": H}, "features": {"windows_days": [3, 30]}, "scoring": {"top_k": 2}
    }  # fmt: skip
    with same_world(root, [user(n) for n in RISKS], seen, **options) as opened:
        yield opened


def scored(con: duckdb.DuckDBPyConnection, day: date, risks: dict[int, float], model: str = "m", hour: int = 0) -> None:
    """A scoring in the ledger; a later hour is newer."""
    for rank, (who, risk) in enumerate(risks.items(), 1):
        con.execute("insert into scores values (?, ?, ?, ?, ?, ?)",
                    [who, day, model, risk, rank, f"{day} 20:{hour:02}:00"])  # fmt: skip


def estimated(con: duckdb.DuckDBPyConnection, day: date, low: float, high: float) -> None:
    row = [day, "m", f"{day} 20:00:00", "churn_rate", (low + high) / 2, low, high, 0.1, 8, 2, 1000, 42, f"{day} 20:00"]
    con.execute(f"insert into expected_performance values ({', '.join('?' * 13)})", row)


def look(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None = None) -> dict[str, Any]:
    return performance(con, warehouse, as_of, silent)


def test_a_small_world_is_as_computed_by_hand(tmp_path: Path) -> None:
    with small(tmp_path) as (con, warehouse):
        scored(con, DAY, RISKS)
        (found,) = look(con, warehouse)["dates"]
    # 1 and 3 leave; by risk: 1, then 2 and 3 tied, then 4
    assert (found["scored_users"], found["matured_users"], found["missing_users"], found["churners"]) == (4, 4, 0, 2)
    assert (found["churn_rate"], found["mean_risk"]) == (0.5, pytest.approx(0.575))
    assert found["pr_auc"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["roc_auc"] == pytest.approx((2 + 1.5) / 4)
    assert found["brier"] == pytest.approx((0.01 + 0.36 + 0.16 + 0.04) / 4)
    assert found["log_loss"] == pytest.approx(-(2 * math.log(0.4) * 0 + math.log(0.9) + math.log(0.4)
                                                + math.log(0.6) + math.log(0.8)) / 4)  # fmt: skip
    assert (found["precision_at_k"], found["lift_at_k"]) == (0.75, 1.5)
    assert found["ece"] == pytest.approx((0.1 + 2 * 0.1 + 0.2) / 4)
    # by days of silence: 1 (5), 4 (2), 3 (1), 2 (0)
    assert found["recency_pr_auc"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["recency_roc_auc"] == 0.75
    assert found["recency_lift_at_k"] == 1
    assert found["expected_pr_auc"] is None


def test_labels_are_known_from_the_evening_of_the_last_day_of_their_window_and_null_before(tmp_path: Path) -> None:
    with small(tmp_path) as (con, warehouse):
        scored(con, DAY, RISKS)
        for days_early in (1, 0):
            found = look(con, warehouse, DAY + timedelta(days=H - days_early))
            (row,) = found["dates"]
            assert row["days_until_mature"] == days_early
            assert row["matures_on"] == DAY + timedelta(days=H)
            assert row["matured_users"] == (0 if days_early else 4)
            assert row["scored_users"] == 4
            assert (row["pr_auc"] is None, row["churners"] is None, row["brier"] is None) == (bool(days_early),) * 3
            labels = con.execute("select churn_label from realised_scores order by user_id").fetchall()
            assert labels == ([(None,)] * 4 if days_early else [(1,), (0,), (1,), (0,)])
            assert bool(found["intervals"]) == (not days_early)
        assert look(con, warehouse, DAY - timedelta(days=1))["dates"] == []
        assert look(con, warehouse, DAY + timedelta(days=1))["remarks"] == [
            "no label is known yet; the first are due on 2025-01-17"
        ]


def test_a_user_who_is_no_longer_known_is_counted_and_never_labelled(tmp_path: Path) -> None:
    with small(tmp_path) as (con, warehouse):
        scored(con, DAY, {**RISKS, 99: 0.5})
        found = look(con, warehouse)
        (row,) = found["dates"]
        label = con.execute("select is_known, churn_label from realised_scores where user_id = 99").fetchall()
    assert (row["scored_users"], row["matured_users"], row["missing_users"]) == (5, 4, 1)
    assert label == [(False, None)]
    assert (
        "1 scored rows belong to users no longer in users_clean; they are counted but have no label" in found["remarks"]
    )


def test_of_a_day_that_was_scored_again_the_newest_counts_and_models_stand_side_by_side(tmp_path: Path) -> None:
    with small(tmp_path) as (con, warehouse):
        scored(con, DAY, dict.fromkeys(RISKS, 0.5))
        scored(con, DAY, RISKS, hour=5)
        scored(con, DAY, {1: 0.1, 2: 0.9}, model="other", hour=3)
        found = {row["model_version"]: row for row in look(con, warehouse)["dates"]}
    assert (found["m"]["scored_users"], found["m"]["mean_risk"]) == (4, pytest.approx(0.575))
    assert (found["other"]["scored_users"], found["other"]["pr_auc"]) == (2, 0.5)


def test_scores_of_a_model_for_another_horizon_are_left_out_and_counted(tmp_path: Path) -> None:
    with small(tmp_path) as (con, warehouse):
        metrics = json.dumps({"settings": {"churn": {"window_days": 30}}})
        con.execute("insert into models values ('m', 'm', now(), ?, '', '', '', '', ?)", [DAY, metrics])
        scored(con, DAY, RISKS)
        found = look(con, warehouse)
    assert found["dates"] == []
    assert found["other_horizon_scorings"] == 1


def test_where_nobody_left_the_ranking_has_no_figures_and_nothing_fails(tmp_path: Path) -> None:
    with small(tmp_path) as (con, warehouse):
        scored(con, DAY, {4: 0.2, 2: 0.1})
        found = look(con, warehouse)
    assert (found["dates"][0]["churn_rate"], found["dates"][0]["pr_auc"], found["dates"][0]["lift_at_k"]) == (
        0, None, None
    )  # fmt: skip
    assert found["intervals"] == []


def test_an_empty_ledger_says_so(tmp_path: Path) -> None:
    with small(tmp_path) as (con, warehouse):
        found = look(con, warehouse)
        assert found["remarks"] == ["nothing has been scored up to 2025-02-20; run: churn-duck score"]
        assert (found["dates"], found["doubts"]) == ([], [])
        assert json.loads((warehouse.reports / "performance_latest.json").read_text())["dates"] == []


def kept(con: duckdb.DuckDBPyConnection) -> dict[str, list[Any]]:
    return {name: con.execute(f"from {name} order by all").fetchall() for name in KEPT_TABLES}


def test_asking_again_changes_nothing_and_new_labels_change_the_interval(tmp_path: Path) -> None:
    with small(tmp_path) as (con, warehouse):
        scored(con, DAY, RISKS)
        look(con, warehouse)
        first, report = kept(con), (warehouse.reports / "performance_latest.json").read_bytes()
        look(con, warehouse)
        assert kept(con) == first
        assert (warehouse.reports / "performance_latest.json").read_bytes() == report
        # an earlier world takes nothing back
        look(con, warehouse, DAY)
        assert kept(con) == first
        land_rows(warehouse, "events", [event(77, 3, "2025-01-16T12:00:00")], "late")
        list(build(con, warehouse))
        look(con, warehouse)
        assert len(kept(con)["realised_intervals"]) == len(first["realised_intervals"]) == 8
        assert kept(con)["realised_intervals"] != first["realised_intervals"]


def test_the_track_record_counts_what_was_covered_so_far_and_doubts_intervals_that_fail(tmp_path: Path) -> None:
    with small(tmp_path) as (con, warehouse):
        for back, (low, high) in enumerate([(0.4, 0.6), (0.0, 0.1), (0.0, 0.1), (0.0, 0.1)]):
            day = DAY + timedelta(days=-back)
            scored(con, day, RISKS)
            estimated(con, day, low, high)
        found = look(con, warehouse)
        record = con.execute("""select metric, realised, is_covered, matured_so_far, covered_so_far
            from expected_performance_record order by as_of_date""").fetchall()
    assert [row[2:] for row in record] == [(False, 1, 0), (False, 2, 0), (False, 3, 0), (True, 4, 1)]
    assert found["doubts"][:2] == [
        "only 4 estimates of the churn rate have known outcomes: too few to judge the intervals",
        "1 of 4 intervals of the churn rate covered the outcome (25% instead of 95%): do not trust them",
    ]


def test_the_estimate_is_made_with_the_ledger_and_stays_as_it_was_when_its_labels_come(own: Warehouse) -> None:
    with working(own, "test") as con:
        con.execute("delete from scores")
        con.execute("delete from expected_performance")
        model = require_production(con, own)
        score(con, own, None, None, silent)
        day = con.execute("select as_of_date from period").fetchall()[0][0]
        made = con.execute("from expected_performance order by metric").fetchall()
        expected = con.execute("select avg(churn_risk) from scores").fetchall()[0][0]
        assert [(row[0], row[1], row[3]) for row in made] == [
            (day, model.model_version, "churn_rate"), (day, model.model_version, "pr_auc")
        ]  # fmt: skip
        assert made[0][4] == pytest.approx(expected)
        assert all(0 <= row[5] < row[4] < row[6] <= 1 for row in made)
        before = look(con, own)
        assert before["dates"][0]["matured_users"] == 0
        assert before["dates"][0]["expected_pr_auc"] == model.metrics["pr_auc"]
        assert all(row["realised"] is None and row["is_covered"] is None for row in before["estimates"])
        # five weeks later nobody but one user has been seen
        land_rows(own, "events", [event(99_000_002, 1, f"{day + timedelta(days=35)}T05:00:00")], "later")
        list(build(con, own))
        after = look(con, own)
        assert con.execute("from expected_performance order by metric").fetchall() == made
        assert [row["is_covered"] for row in after["estimates"] if row["metric"] == "churn_rate"] == [False]
        assert score(con, own, day, None, silent).added_to_ledger is False
        assert con.execute("from expected_performance order by metric").fetchall() == made


def test_what_came_true_equals_scikit_learns_figures(own: Warehouse, ran: tuple[Warehouse, Ran]) -> None:
    with working(own, "test") as con:
        day = con.execute("select max(as_of_date) from test_scores").fetchall()[0][0]
        model = require_production(con, own).model_version
        con.execute("delete from scores")
        con.execute("""insert into scores
            select user_id, as_of_date, model_version, round(churn_risk, 2), 1, timestamp '2026-01-01'
            from test_scores where is_eligible and as_of_date = ? and model_version = ?""", [day, model])  # fmt: skip
        (found,) = look(con, own)["dates"]
        rows = con.execute("""select churn_label, least(greatest(churn_risk, 1e-15), 1 - 1e-15),
            days_since_last_activity from realised_scores""").fetchall()  # fmt: skip
        told = con.execute("""select test.churn_label, test.days_since_last_activity from realised_scores
            inner join test_scores as test using (user_id, as_of_date, model_version) order by user_id""").fetchall()
        seen = con.execute("select churn_label, days_since_last_activity from realised_scores order by user_id")
        assert seen.fetchall() == told
    label, risk, recency = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    assert found["pr_auc"] == pytest.approx(average_precision_score(label, risk), abs=1e-9)
    assert found["roc_auc"] == pytest.approx(roc_auc_score(label, risk), abs=1e-9)
    assert found["recency_pr_auc"] == pytest.approx(average_precision_score(label, recency), abs=1e-9)
    assert found["recency_roc_auc"] == pytest.approx(roc_auc_score(label, recency), abs=1e-9)
    assert found["log_loss"] == pytest.approx(log_loss(label, risk), abs=1e-9)
    assert found["brier"] == pytest.approx(brier_score_loss(label, risk), abs=1e-9)


def test_the_report_shows_what_is_known_what_is_awaited_and_its_doubts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with small(tmp_path) as (con, warehouse):
        scored(con, DAY, RISKS)
        estimated(con, DAY, 0.4, 0.6)
        later = date(2025, 2, 19)
        scored(con, later, RISKS)
        estimated(con, later, 0.1, 0.9)
        print_report(look(con, warehouse))
    said = capsys.readouterr().out
    assert "2025-01-10       4      4  50.0%      57.5%  0.833 (" in said
    assert "2025-02-19       4  2025-02-26     6       50.0%  (10.0% to 90.0%)    none" in said
    assert "2025-01-10  churn rate     50.0%  (40.0% to 60.0%)      50.0%  held" in said
    assert "1 of 1 intervals of the churn rate held" in said
    assert "DOUBT: estimate of 2025-02-19: m is not registered with its test rows" in said
