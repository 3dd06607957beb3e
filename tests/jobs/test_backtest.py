"""Past days, replayed in a scratch warehouse: no data from after an origin, no change to live tables."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import pytest
from churn_duck_cli.main import _exit_code

from churn_duck.errors import AuditFailed, HistoryTooShort
from churn_duck.evaluation.metrics import calibration_line, probability_metrics, ranking_metrics
from churn_duck.jobs import backtest as walking
from churn_duck.jobs.backtest import backtest
from churn_duck.model.registry import versions
from churn_duck.warehouse.store import Warehouse, working
from tests.conftest import silent
from tests.worlds import copied

pytestmark = pytest.mark.whole
KEPT = ("scores", "models", "promotions", "reasons", "test_scores", "drift_bins")


def digests(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Count and digest of each live table."""
    return {
        name: con.execute(f"select count(*), bit_xor(md5_number_lower(t::varchar)) from {name} as t").fetchall()
        for name in KEPT
    }


@pytest.fixture(scope="module")
def walked(ran: tuple[Warehouse, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, list[Any]]:
    """Two origins, ten days apart, on a copy of the scored warehouse."""
    root = tmp_path_factory.mktemp("walked") / "own"
    warehouse = copied(ran[0], root)
    with working(warehouse, "test") as con:
        before, models = digests(con), sorted(path.name for path in warehouse.models.iterdir())
        rows = backtest(con, warehouse, 2, 10, None, silent)
        assert digests(con) == before
        assert sorted(path.name for path in warehouse.models.iterdir()) == models
    assert not list(root.glob(".backtest-*"))
    return warehouse, rows


def test_there_is_one_row_an_origin_and_the_last_one_has_all_its_labels(walked: tuple[Warehouse, list[Any]]) -> None:
    warehouse, rows = walked
    with working(warehouse, "test") as con:
        end = con.execute("select as_of_date from period").fetchall()[0][0]
    assert [row["origin_date"] for row in rows] == [end - timedelta(days=40), end - timedelta(days=30)]
    assert rows[0]["incumbent_version"] is None
    assert rows[1]["incumbent_version"] == rows[0]["model_version"]
    assert rows[0]["is_promoted"]


def test_the_scored_are_the_eligible_users_of_that_day_with_their_outcomes(
    walked: tuple[Warehouse, list[Any]],
) -> None:
    warehouse, rows = walked
    with working(warehouse, "test") as con:
        for row in rows:
            day = row["origin_date"]
            expected = con.execute(
                """select user_id, churn_label from user_labels([?]) semi join
                (select user_id from user_features([?]) where is_eligible) using (user_id) order by all""",
                [day, day],
            ).fetchall()
            query = "select user_id, churn_label from backtest_scores where origin_date = ? order by all"
            assert con.execute(query, [day]).fetchall() == expected
            assert row["eligible_users"] == len(expected)


def test_every_figure_of_the_view_is_that_of_its_scores(walked: tuple[Warehouse, list[Any]]) -> None:
    warehouse, rows = walked
    with working(warehouse, "test") as con:
        for row in rows:
            query = "from backtest_scores where origin_date = ?"
            scores = con.execute(query, [row["origin_date"]]).fetchnumpy()
            label, risk = scores["churn_label"].astype(float), np.asarray(scores["churn_risk"])
            recency = scores["days_since_last_activity"].astype(float)
            ones = np.ones(len(label))
            expected = [*ranking_metrics(risk, label)(ones), *probability_metrics(risk, label)(ones)]
            figures = [row[name] for name in ("pr_auc", "roc_auc", "log_loss", "brier")]
            assert figures == pytest.approx(expected, abs=1e-9)
            by_rule = [row["recency_pr_auc"], row["recency_roc_auc"]]
            assert by_rule == pytest.approx(ranking_metrics(recency, label)(ones), abs=1e-9)
            assert row["mean_risk"] == pytest.approx(risk.mean())
            assert row["precision_at_k"] == pytest.approx(label[np.argsort(-risk)[:50]].mean(), abs=0.02)
            assert calibration_line(risk, label)[0] > 0


def test_no_label_window_crosses_its_origin_and_one_that_did_would_fail(
    walked: tuple[Warehouse, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, rows = walked
    with working(warehouse, "test") as con:
        assert con.execute("from backtest_leaks").fetchall() == []
        assert con.execute("select bool_and(last_label_date <= origin_date) from backtest_runs").fetchall() == [(True,)]
        runs, scores = con.sql("from backtest_runs").pl(), con.sql("from backtest_scores").pl()
        late = runs.with_columns(last_label_date=runs["origin_date"].dt.offset_by("1d"))
        with pytest.raises(AuditFailed, match="after its origin"):
            walking._replace(con, late, scores)
        assert walking.rows(con) == rows


def test_a_model_that_knows_the_future_is_detected(own: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger of that day must equal the scores computed with all of today's data."""
    honest = walking._risks

    def knowing(*arguments: Any) -> Any:
        risks = honest(*arguments)
        return risks.with_columns(risks["risk"] * 0.9)

    monkeypatch.setattr(walking, "_risks", knowing)
    with working(own, "test") as con, pytest.raises(AuditFailed, match="a leak"):
        backtest(con, own, 1, None, None, silent)


def test_too_many_origins_are_refused_with_the_possible_number(own: Warehouse) -> None:
    with working(own, "test") as con, pytest.raises(HistoryTooShort, match="leaves room for 5; ask for fewer"):
        backtest(con, own, 9, None, None, silent)


def test_the_command_prints_the_worst_origin(
    walked: tuple[Warehouse, list[Any]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "backtest", lambda *_: walked[1])
    assert _exit_code(["--warehouse", str(walked[0].root), "backtest", "--origins", "2"]) == 0
    printed = capsys.readouterr().out
    assert "of 2 origins; worst at 2025-" in printed
    assert date.fromisoformat(printed.split("worst at ")[1][:10]) in [row["origin_date"] for row in walked[1]]


def test_versions_of_a_backtest_are_not_registered_in_the_warehouse(walked: tuple[Warehouse, list[Any]]) -> None:
    warehouse, rows = walked
    with working(warehouse, "test") as con:
        known = {version.model_version for version in versions(con, warehouse)}
    assert not known & {row["model_version"] for row in rows}
