"""Reasons are the users' own, are kept like the scores, and are told in words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from churn_duck.jobs.run import Ran
from churn_duck.model.registry import require_production, rollback, versions
from churn_duck.scoring import score as scoring
from churn_duck.scoring.reasons import list_reasons
from churn_duck.scoring.score import score
from churn_duck.settings.config import Settings
from churn_duck.settings.reason_text import SHIPPED
from churn_duck.warehouse.query import literal
from churn_duck.warehouse.store import Warehouse, connected, working
from tests.conftest import silent
from tests.worlds import event, user, world

KEYS = "user_id, as_of_date, model_version, scored_at"


def test_every_kept_score_can_be_added_up_again_in_sql(looking: duckdb.DuckDBPyConnection) -> None:
    found = looking.execute(f"""
        with contributions as (select {KEYS}, sum(contribution) as total from reasons group by all)

        select
            count(*),
            count(*) filter (where abs(base + coalesce(total, 0) + other_contributions - log_odds) <= 1e-9),
            count(*) filter (where abs(1 / (1 + exp(-log_odds)) - churn_risk) <= 1e-9)
        from scores
        left join explained_scores using ({KEYS})
        left join contributions using ({KEYS})""").fetchall()[0]
    assert found == (found[0],) * 3
    assert found[0] > 100


def test_reasons_raise_the_risk_the_strongest_first_three_at_most(looking: duckdb.DuckDBPyConnection) -> None:
    rows = looking.execute(
        f"select list(contribution order by reason_rank), list(reason_rank order by reason_rank) from reasons "
        f"group by {KEYS}"
    ).fetchall()
    assert all(given == sorted(given, reverse=True) and min(given) > 0 for given, _ in rows)
    assert {tuple(ranks) for _, ranks in rows} <= {(1,), (1, 2), (1, 2, 3)}
    assert looking.execute("select count(distinct feature) > 5 from reasons").fetchall() == [(True,)]


def test_a_reason_holds_the_users_own_value(looking: duckdb.DuckDBPyConnection) -> None:
    features = looking.execute("select distinct feature from reasons").fetchall()
    for (name,) in features:
        # a number as the model sees it, in float32; a level as it is
        own, told = (f"coalesce(cast(try_cast({one} as float) as varchar), {one})" for one in (name, "value"))
        wrong = looking.execute(f"""
            select value, {name}
            from reasons
            inner join (select user_id, as_of_date, cast({name} as varchar) as {name} from scoring_dataset)
                using (user_id, as_of_date)
            where feature = {literal(name)} and {told} is distinct from {own}""").fetchall()
        assert wrong == [], name
    assert len(features) > 5


def all_models(own: Warehouse, con: duckdb.DuckDBPyConnection) -> None:
    """Score with the other models too."""
    production = require_production(con, own).model_version
    for other in versions(con, own):
        if other.model_version != production:
            rollback(con, own, other.model_version)
            score(con, own, None, 10, silent)


def test_the_top_list_of_trees_is_exact_and_every_reason_says_its_method(own: Warehouse) -> None:
    with working(own, "test") as con:
        for name in ("scores", "explained_scores", "reasons"):
            con.execute(f"delete from {name}")
        assert score(con, own, None, 10, silent).added_to_ledger is True
        all_models(own, con)
        found = con.execute(f"""
            select distinct
                split_part(model_version, '_', 1),
                scores.risk_rank <= 10,
                explained_scores.method,
                reasons.method
            from scores
            inner join explained_scores using ({KEYS})
            inner join reasons using ({KEYS})
            order by all""").fetchall()
    assert found == [
        ("baseline", False, "linear", "linear"),
        ("baseline", True, "linear", "linear"),
        ("blend", False, "path", "path"),
        ("blend", True, "shap", "shap"),
        ("candidate", False, "path", "path"),
        ("candidate", True, "shap", "shap"),
    ]


def kept(con: duckdb.DuckDBPyConnection) -> list[Any]:
    return [con.execute(f"from {name} order by all").fetchall() for name in ("scores", "explained_scores", "reasons")]


def test_a_scoring_that_repeats_adds_no_reasons_and_one_without_them_is_repeated(own: Warehouse) -> None:
    with working(own, "test") as con:
        before = kept(con)
        assert score(con, own, None, 7, silent).added_to_ledger is False
        assert kept(con) == before
        con.execute("delete from explained_scores")
        con.execute("delete from reasons")
        assert score(con, own, None, None, silent).added_to_ledger is True
        assert con.execute("select count(distinct scored_at) from scores").fetchall() == [(2,)]
        assert score(con, own, None, None, silent).added_to_ledger is False


def test_scores_and_reasons_are_kept_together_or_not_at_all(own: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(con: object) -> None:
        raise KeyboardInterrupt

    with working(own, "test") as con:
        con.execute("delete from explained_scores")
        before = kept(con)
        monkeypatch.setattr(scoring, "append_reasons", dies)
        with pytest.raises(KeyboardInterrupt):
            score(con, own, None, None, silent)
        assert kept(con) == before


def test_an_unseen_level_is_told_by_its_name(own: Warehouse) -> None:
    with connected(own) as con:
        score(con, own, None, None, silent)
        con.execute("create temp table given as from explained_run limit 1")
        user = con.execute("select user_id from given").fetchall()[0][0]
        country = con.execute("select country from users_clean where user_id = ?", [user]).fetchall()[0][0]
        model = require_production(con, own).scoring_model()
        place = model.schema.names.index("country")
        con.execute(
            f"create or replace temp table explained_run as select * replace ([{place}] as features, "
            "[cast(null as float)] as readings, [0.5] as contributions) from given"
        )
        list_reasons(con, model)
        assert con.execute("select feature, value from reasons_run").fetchall() == [("country", country)]


def test_the_ranked_files_end_with_the_reasons(ran: tuple[Warehouse, Ran], looking: duckdb.DuckDBPyConnection) -> None:
    top = pl.read_parquet(next(path for path in ran[1].scored.files if path.suffix == ".parquet"))
    assert top.columns[-3:] == ["reason_1", "reason_2", "reason_3"]
    assert top.head(20)["reason_1"].null_count() == 0
    assert looking.execute("select count(*) from worded_reasons where sentence is null").fetchall() == [(0,)]
    assert Settings().scoring.top_k == 50


def told(con: duckdb.DuckDBPyConnection, *reasons: tuple[str, str | None, str | None]) -> list[str]:
    """The sentences for feature, value and typical value."""
    con.execute("delete from reasons")
    for rank, reason in enumerate(reasons, 1):
        con.execute(
            "insert into reasons values (1, date '2025-01-01', 'm', timestamp '2025-01-02', ?, ?, ?, ?, 0.5, 'path')",
            [rank, *reason],
        )
    return [row[0] for row in con.execute("select sentence from worded_reasons order by reason_rank").fetchall()]


GOLDEN = [
    (("watch_minutes_30d", "12", "96.7321"), "watched 12 minutes in 30 days, 85 fewer than typical"),
    (("watch_minutes_7d", "1", "0.6"), "watched 1 minute in 7 days, 0.4 more than typical"),
    (("watch_minutes_sum", "0", "6.5"), "no minutes watched on the last day, 6.5 fewer than typical"),
    (("watch_minutes_30d", "1234.4", "96"), "watched 1,234 minutes in 30 days, 1,138 more than typical"),
    (("logins_14d", "1", "4.2"), "logged in once in 14 days, 3 fewer than typical"),
    (("logins_count", "0", "0.4"), "no logins on the last day, slightly fewer than typical"),
    (("logins_7d", "4", "4"), "logged in 4 times in 7 days"),
    (("payment_failed_30d", "1", "0.05"), "1 failed payment in 30 days, 1 more than typical"),
    (("support_ticket_30d", "2", "0.3"), "2 support tickets in 30 days, 2 more than typical"),
    (("quiz_avg_score_30d", None, "71.2"), "no quiz score in 30 days"),
    (("quiz_avg_score_30d", "43.25", "71.2"), "average quiz score of 43 in 30 days, 28 lower than typical"),
    (("active_days_7d", "0", "3.1"), "not active in 7 days, 3 fewer than typical"),
    (("active_days_30d", "2", "8.8"), "active on 2 of the last 30 days, 7 fewer than typical"),
    (("is_active_day", "0", "0.2"), "not active on the last day"),
    (("events_14d", "1", "7.1"), "1 event in 14 days, 6 fewer than typical"),
    (("total_events", "3", "0.9"), "3 events on the last day, 2 more than typical"),
    (("days_since_last_activity", "20", "7.1"), "silent for 20 days, 13 days longer than typical"),
    (("days_since_last_activity", "1", "2.1"), "silent for 1 day, 1 day shorter than typical"),
    (("days_since_last_activity", "0", "0.4"), "silent for less than a day, slightly shorter than typical"),
    (("days_since_signup", "41", "160"), "signed up 41 days ago, 119 days later than typical"),
    (
        ("payment_fail_rate_30d", "0.25", "0.02"),
        "25 % of the payments failed in 30 days, 23 points higher than typical",
    ),
    (("payment_fail_rate_30d", "0.03", "0.02"), "3 % of the payments failed in 30 days, 1 point higher than typical"),
    (("plan", "free", "paid"), "plan is free"),
    (("country", None, "US"), "country is not known"),
    (("is_paid", "1", "0.3"), "pays"),
    (("engagement_score", "0.25", "0.6"), "engagement score is 0.25, 0.35 lower than typical"),
    (("watch_minutes_90d", "12", "90"), "watch minutes 90d is 12"),
    (("watch_minutes_30d", "3e+38", "96"), "watched 3e+38 minutes in 30 days, 3e+38 more than typical"),
]


def test_reasons_are_told_in_sentences(tmp_path: Path) -> None:
    with world(tmp_path, [user(1)], [event(1, 1, "2025-01-01")]) as (con, _):
        assert told(con, *[reason for reason, _ in GOLDEN]) == [sentence for _, sentence in GOLDEN]


def test_measures_and_attributes_of_ones_own_are_told_by_their_names_and_units(tmp_path: Path) -> None:
    measures = [
        {"name": "calls", "events": ["call"]},
        {"name": "spent", "events": ["buy"], "aggregate": "sum", "column": "amount", "unit": "euros spent"},
        {"name": "basket", "events": ["buy"], "aggregate": "max", "column": "amount"},
        {"name": "shops", "events": ["buy"], "aggregate": "distinct", "column": "shop"},
        {"name": "stars", "events": ["rate"], "aggregate": "avg", "column": "stars_given"},
    ]
    attributes = [{"name": "home_town", "type": "category"}, {"name": "age", "type": "number"}]
    own = {"measures": measures, "users": {"attributes": attributes}, "features": {"windows_days": [1, 10]}}
    rows = {
        ("calls_10d", "1", "4"): "calls: 1 in 10 days, 3 fewer than typical",
        ("calls_1d", "0", "4"): "no calls in 1 day, 4 fewer than typical",
        ("spent_10d", "12.5", "10"): "13 euros spent in 10 days, 2.5 more than typical",
        ("basket_10d", "8", "10.25"): "highest basket of 8 in 10 days, 2.2 lower than typical",
        ("basket_max", None, "10.25"): "no basket on the last day",
        ("shops_10d", "2", "3"): "2 different shops in 10 days, 1 fewer than typical",
        ("stars_10d", "4.57", "3"): "stars: 4.6 on average in 10 days, 1.6 higher than typical",
        ("home_town", "Bath", "York"): "home town is Bath",
        ("age", "41", "38.5"): "age is 41, 2.5 higher than typical",
    }
    happened = [{"event_id": 1, "user_id": 1, "event_time": "2025-01-01", "event_type": "call"}]
    with world(tmp_path, [{"user_id": 1, "signup_date": "2025-01-01"}], happened, **own) as (con, _):
        assert told(con, *rows) == list(rows.values())


def test_every_feature_has_words_and_none_of_them_claims_to_know_why(tmp_path: Path) -> None:
    with world(tmp_path, [user(1)], [event(1, 1, "2025-01-01")]) as (con, _):
        columns = con.execute("select column_name from (describe from user_features_daily)").fetchall()
        features = con.execute("select feature from feature_words").fetchall()
        assert {row[0] for row in features} >= {row[0] for row in columns} - {
            "user_id", "as_of_date", "signup_date", "last_activity_date", "state", "is_eligible",
        }  # fmt: skip
        words = "\n".join(str(row) for row in con.execute("from feature_words").fetchall())
    template = "\n".join(line for line in SHIPPED.read_text().splitlines() if not line.startswith("#"))
    for text in (words, template):
        assert not re.search(r"(?i)\b(because|causes?|caused|due to|leads? to|reason|why|therefore|so that)\b", text)


def scored_day(con: duckdb.DuckDBPyConnection, day: str, risks: dict[int, float], features: dict[int, str]) -> None:
    """Scores of a day, and one reason for some users."""
    at = f"date '{day}', 'm', "
    for rank, (who, risk) in enumerate(risks.items(), 1):
        con.execute(f"insert into scores values ({who}, {at} {risk}, {rank}, timestamp '{day} 23:00:00')")
    for who, feature in features.items():
        con.execute(f"insert into reasons values ({who}, {at} timestamp '{day} 23:00:00', 1, '{feature}', '0', '5', "
                    "0.5, 'path')")  # fmt: skip


def test_what_changed_tells_who_entered_left_and_stayed_and_which_reasons_are_new(tmp_path: Path) -> None:
    with world(tmp_path, [user(1)], [event(1, 1, "2025-01-01")]) as (con, _):
        assert con.execute("from what_changed").fetchall() == []
        scored_day(con, "2025-01-01", {1: 0.9, 2: 0.5}, {1: "plan"})
        first = con.execute("select user_id, movement, earlier_date, earlier_risk from what_changed order by 1")
        assert first.fetchall() == [(1, "entered", None, None), (2, "entered", None, None)]
        scored_day(con, "2025-01-08", {2: 0.25, 3: 0.75}, {3: "logins_7d"})
        scored_day(con, "2025-01-15", {3: 0.5, 2: 0.375, 4: 0.25}, {3: "logins_7d", 2: "events_7d"})
        found = con.execute("""select user_id, movement, risk_change, risk_rank, earlier_rank, reasons, earlier_reasons,
            new_reasons, cast(as_of_date - earlier_date as integer) from what_changed order by 1""").fetchall()
    events, logins = (f"no {what} in 7 days, 5 fewer than typical" for what in ("events", "logins"))
    assert found == [
        (2, "stayed", 0.125, 2, 1, [events], None, [events], 7),
        (3, "stayed", -0.25, 1, 2, [logins], [logins], None, 7),
        (4, "entered", None, 3, None, None, None, None, 7),
    ]


def test_who_is_no_longer_scored_has_left(own: Warehouse) -> None:
    with connected(own) as con:
        scored_day(con, "2035-01-01", {-1: 0.5}, {})
        found = con.execute("select movement, count(*), count(churn_risk), count(earlier_risk) from what_changed "
                            "group by movement order by movement").fetchall()  # fmt: skip
        n = con.execute("select count(*) - 1 from predictions").fetchall()[0][0]
    assert found == [("entered", 1, 1, 0), ("left", n, 0, n)]
