"""Exactly the eligible users, once each, with their own risk; a ledger that only grows."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import numpy as np
import polars as pl
import pytest

from churn_duck.errors import AuditFailed, ModelError
from churn_duck.evaluation.promote import promote
from churn_duck.jobs.run import Ran
from churn_duck.model.onnx_model import OnnxModel
from churn_duck.model.registry import require_production, rollback, versions
from churn_duck.scoring import score as scoring
from churn_duck.scoring.score import score, top_rows
from churn_duck.settings.load import parse_settings
from churn_duck.training.train import train
from churn_duck.warehouse.build import build
from churn_duck.warehouse.store import Warehouse, connected, open_warehouse, working
from tests.conftest import silent

CONTRACT = ["user_id", "as_of_date", "plan", "is_paid", "country", "marketing_source", "days_since_signup"]
CONTRACT += ["days_since_last_activity", "churn_risk", "risk_rank", "model_version"]
REASONS = ["reason_1", "reason_2", "reason_3"]


def test_the_ranked_list_holds_exactly_the_eligible_users_with_the_contracts_columns(
    ran: tuple[Warehouse, Ran], looking: duckdb.DuckDBPyConnection
) -> None:
    result = ran[1]
    files = {path.name: path for path in result.scored.files}
    day = result.scored.as_of_date
    assert set(files) == {
        *(f"churn_{kind}_{day}.{form}" for kind in ("predictions", "top_50") for form in ("parquet", "csv")),
        "batch_predictions_latest.csv",
    }
    ranked = pl.read_parquet(files[f"churn_predictions_{day}.parquet"])
    eligible = looking.execute("select user_id from eligible where as_of_date = ? order by user_id", [day]).fetchall()
    assert ranked.columns == CONTRACT + REASONS
    assert ranked.sort("user_id")["user_id"].to_list() == [row[0] for row in eligible]
    assert ranked["risk_rank"].to_list() == list(range(1, ranked.height + 1))
    assert ranked["churn_risk"].is_sorted(descending=True)
    assert (ranked["days_since_last_activity"] < 30).all()
    assert pl.read_csv(files["batch_predictions_latest.csv"]).height == ranked.height
    assert pl.read_csv(files[f"churn_top_50_{day}.csv"]).height == 50


def test_every_score_is_the_users_own(ran: tuple[Warehouse, Ran], looking: duckdb.DuckDBPyConnection) -> None:
    model = require_production(looking, ran[0]).scoring_model()
    for user_id, risk in looking.execute("select user_id, churn_risk from scores using sample 30").fetchall():
        query = f"select {model.schema.select_list()} from scoring_dataset where user_id = {user_id}"
        row = looking.sql(query).pl().fill_null(float("nan")).to_numpy().astype(np.float32)
        assert model.risk(row) == pytest.approx([risk], abs=1e-12)


def test_scoring_again_changes_no_file_and_adds_nothing_whatever_the_threads(own: Warehouse) -> None:
    path = own.predictions / "batch_predictions_latest.csv"
    before = path.read_bytes()
    for threads in (1, 4):
        warehouse = open_warehouse(parse_settings({"engine": {"threads": threads}}, "test"), own.root)
        with working(warehouse, "test") as con:
            assert score(con, warehouse, None, None, silent).added_to_ledger is False
            assert con.execute("select count(*) = count(distinct user_id) from scores").fetchall() == [(True,)]
        assert path.read_bytes() == before


def test_another_day_is_added_and_the_first_stays(own: Warehouse) -> None:
    with working(own, "test") as con:
        ledger = "select * from scores where as_of_date = ? order by all"
        day = con.execute("select as_of_date from period").fetchall()[0][0]
        before = con.execute(ledger, [day]).fetchall()
        # a late event changes one user's features: the day is scored anew, the old rows stay
        from tests.worlds import event, land_rows

        who = before[0][0]
        land_rows(own, "events", [event(99_000_001, who, f"{day}T05:00:00", "support_ticket")], "late")
        list(build(con, own))
        again = score(con, own, None, 3, silent)
        assert again.added_to_ledger is True
        after = con.execute(ledger, [day]).fetchall()
        assert set(before) < set(after)
        newest = con.execute("select count(*), count(distinct scored_at) from predictions").fetchall()
    assert newest == [(again.rows, 1)]


def test_a_model_from_the_future_or_for_another_question_is_refused(own: Warehouse) -> None:
    with working(own, "test") as con:
        day = con.execute("select as_of_date from period").fetchall()[0][0]
        with pytest.raises(ModelError, match="has seen data up to"):
            score(con, own, day - timedelta(days=1), None, silent)
        other = open_warehouse(parse_settings({"churn": {"window_days": 14}}, "test"), own.root)
        list(build(con, other))
        with pytest.raises(ModelError, match="trained for different settings"):
            score(con, other, None, None, silent)
        without = open_warehouse(parse_settings({"features": {"exclude": ["plan"]}}, "test"), own.root)
        list(build(con, without))
        with pytest.raises(ModelError, match=r"different settings \(churn, population or features\)"):
            score(con, without, None, None, silent)
        con.execute("delete from promotions")
        list(build(con, own))
        with pytest.raises(ModelError, match="no model is in production"):
            score(con, own, None, None, silent)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("delete from scoring_run where risk_rank = 1", "eligible users, but"),
        ("insert into scoring_run from scoring_run limit 1", "eligible users, but"),
        ("update scoring_run set churn_risk = null where risk_rank = 3", "1 without a probability"),
        ("update scoring_run set churn_risk = 'nan' where risk_rank = 3", "1 without a probability"),
        ("update scoring_run set user_id = -1 where risk_rank = 3", "1 not eligible"),
        ("update scoring_run set churn_risk = (churn_risk + 0.1) / 2", "alone"),
        ("update reasons_run set contribution = contribution + 1e-5 where reason_rank = 2", "do not add up"),
        ("delete from explained_run where user_id % 7 = 0", "are not explained"),
        ("update explained_run set log_odds = log_odds + 0.1, base = base + 0.1", "log-odds that contradict"),
        (
            """update explained_run set other_contributions = 'nan'
            where user_id in (select user_id from scoring_run where risk_rank <= 50)""",
            "50 have contributions that do",
        ),
    ],
)
def test_the_audit_notices_scores_that_are_not_the_users_own(own: Warehouse, fault: str, message: str) -> None:
    with connected(own) as con:
        score(con, own, None, None, silent)
        model = require_production(con, own).scoring_model()
        con.execute(fault)
        with pytest.raises(AuditFailed, match=message):
            scoring._audit(con, model)


def test_a_scoring_that_is_cut_short_leaves_the_last_good_state(
    own: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(self: OnnxModel, features: object) -> None:
        raise KeyboardInterrupt

    path = own.predictions / "batch_predictions_latest.csv"
    before = path.read_bytes()
    with monkeypatch.context() as patch, working(own, "test") as con:
        patch.setattr(OnnxModel, "risk", dies)
        with pytest.raises(KeyboardInterrupt):
            score(con, own, None, None, silent)
    assert path.read_bytes() == before
    with working(own, "test") as con:
        scored = score(con, own, None, None, silent)
        assert len(top_rows(con, scored.as_of_date, 5)) == 5
    assert not list(own.root.glob(".scoring-*"))


def test_users_are_ranked_with_their_attributes_even_where_these_are_no_features(own: Warehouse) -> None:
    exclude = ["plan", "country", "marketing_source", "days_since_signup", "is_paid"]
    options = {"features": {"windows_days": [3], "exclude": exclude}, "churn": {"window_days": 7}}
    warehouse = open_warehouse(parse_settings(options, "test"), own.root)
    with working(warehouse, "test") as con:
        list(build(con, warehouse))
        train(con, warehouse, ("baseline_logreg",), None, silent)
        promote(con, warehouse)
        scored = score(con, warehouse, None, None, silent)
        assert list(top_rows(con, scored.as_of_date, 1)[0]) == CONTRACT + REASONS
        assert require_production(con, warehouse).scoring_model().schema.categorical == ()
    assert scored.rows > 100


def test_scoring_again_with_the_model_that_was_rolled_back_to_is_the_newest_word(own: Warehouse) -> None:
    with working(own, "test") as con:
        first = require_production(con, own).model_version
        other = next(v.model_version for v in versions(con, own) if v.model_version != first)
        for version in (other, first):
            rollback(con, own, version)
            assert score(con, own, None, None, silent).added_to_ledger is True
            assert con.execute("select distinct model_version from predictions").fetchall() == [(version,)]
        assert score(con, own, None, None, silent).added_to_ledger is False
