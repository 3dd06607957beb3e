"""Drift: nothing on a healthy day, every planted fault by its name, and no more than chance between two halves."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from churn_duck_cli.main import _exit_code
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn_duck.errors import ModelError
from churn_duck.evaluation.promote import promote
from churn_duck.ingestion.land import land_sources
from churn_duck.model.registry import require_production
from churn_duck.monitoring.drift import Checked, check, drift, verdicts
from churn_duck.monitoring.drift_demo import instead, shifted_columns
from churn_duck.proof.generate import generate
from churn_duck.proof.synthetic import World
from churn_duck.scoring.score import score
from churn_duck.settings.config import Settings
from churn_duck.settings.load import parse_settings
from churn_duck.training.drift_reference import freeze, keep, observe_users
from churn_duck.training.train import train
from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.build import build
from churn_duck.warehouse.store import Warehouse, open_warehouse, utc_now, working
from tests.conftest import silent
from tests.worlds import copied

KEYS = ["status", "overall_max_psi", "psi_by_feature", "baseline", "current"]


def run(*arguments: object) -> int:
    return _exit_code([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A business of 1,500 users over 170 days, with one model in production that has scored the last day."""
    folder = tmp_path_factory.mktemp("drift")
    warehouse = open_warehouse(Settings(), folder / "w")
    list(generate(World(n_users=1500, days=170, seed=3), folder))
    land_sources(warehouse, str(folder / "users.parquet"), str(folder / "events.parquet"), silent)
    with working(warehouse, "test") as con:
        list(build(con, warehouse))
        train(con, warehouse, ("baseline_logreg",), None, silent)
        promote(con, warehouse)
        score(con, warehouse, None, None, silent)
    return warehouse


@pytest.fixture
def mine(scored: Warehouse, tmp_path: Path) -> Warehouse:
    """A private copy of it."""
    return copied(scored, tmp_path / "mine")


@pytest.fixture
def con(mine: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    with working(mine, "test") as connection:
        yield connection


def planted(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, changes: str) -> Checked:
    """The day with some columns replaced."""
    healthy = check(con, warehouse, None, silent)
    with instead(con, warehouse, f"select * replace ({changes}) from scoring_dataset"):
        return Checked(healthy.as_of_date, healthy.model_version, verdicts(con, warehouse))


def some(share: float, value: str, column: str) -> str:
    """`value` for a share of the users, by a hash of the user."""
    return f"case when hash(user_id * 7919) % 1000 < {1000 * share} then {value} else {column} end as {column}"


def test_a_healthy_day_is_ok_and_checking_it_again_changes_nothing(
    con: duckdb.DuckDBPyConnection, mine: Warehouse
) -> None:
    kept = "select * exclude (checked_at) from drift_reports order by all"
    first = drift(con, mine, None, silent)
    rows, text = con.execute(kept).fetchall(), (mine.reports / "data_drift_latest.json").read_text()
    assert (first.status, first.names("FAIL"), first.names("WARN")) == ("OK", [], [])
    assert drift(con, mine, None, silent) == first
    assert con.execute(kept).fetchall() == rows
    assert (mine.reports / "data_drift_latest.json").read_text() == text
    assert len(rows) == len(first.verdicts) > 50


FAULTS = {
    "times 50": ("watch_minutes_7d", "watch_minutes_7d * 50 as watch_minutes_7d"),
    "a recency times 50": ("days_since_last_activity", "days_since_last_activity * 50 as days_since_last_activity"),
    "half of the users far above": ("events_14d", some(0.5, "100000", "events_14d")),
    "90 % NULL": ("logins_30d", some(0.9, "null", "logins_30d")),
    "90 % NULL where some are NULL always": ("quiz_avg_score_7d", some(0.9, "null", "quiz_avg_score_7d")),
    "NaN is NULL": ("quiz_avg_score_7d", "cast('nan' as double) as quiz_avg_score_7d"),
    "all the same": ("active_days_7d", "3 as active_days_7d"),
    "a new country for 5 %": ("country", some(0.05, "'Atlantis'", "country")),
    "no plan for 5 %": ("plan", some(0.05, "null", "plan")),
    "one country only": ("country", "'US' as country"),
    "nearly always zero, now one": ("payment_failed_count", "1 as payment_failed_count"),
    "below all that was seen": ("days_since_signup", some(0.1, "-100000", "days_since_signup")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_fails_by_its_name_and_nothing_else_does(
    con: duckdb.DuckDBPyConnection, mine: Warehouse, fault: str
) -> None:
    name, changes = FAULTS[fault]
    found = planted(con, mine, changes)
    assert found.status == "FAIL"
    assert found.names("FAIL") == [name]
    assert found.verdicts[0].name == name
    assert found.verdicts[0].message


def test_a_constant_zero_that_turns_to_one_fails_with_a_finite_psi(
    con: duckdb.DuckDBPyConnection, mine: Warehouse
) -> None:
    con.execute("delete from drift_bins where feature = 'is_paid'")
    shape = "select model_version, 'is_paid', {} from drift_reference where feature = 'is_paid'"
    infinity, zero = "cast('{}infinity' as double)", "cast(0 as double)"
    bins = (("range", infinity.format("-"), zero, 0), ("point", zero, zero, 1), ("range", zero, infinity.format(""), 0))
    for number, (kind, lower, upper, share) in enumerate(bins, 1):
        values = f"{number}, '{kind}', {lower}, {upper}, null, {share}, 100 * {share}"
        con.execute("insert into drift_bins " + shape.format(values))
    assert planted(con, mine, "0 as is_paid").names("FAIL") == []
    found = planted(con, mine, "1 as is_paid")
    assert found.names("FAIL") == ["is_paid"]
    assert 5 < (found.verdicts[0].psi or 0) < 50


def test_an_outage_of_a_week_is_told_by_freshness_and_volume_on_the_scored_day(
    con: duckdb.DuckDBPyConnection, mine: Warehouse
) -> None:
    day = con.execute("select as_of_date from period").fetchall()[0][0]
    con.execute("delete from user_activity where activity_date > ?", [day - timedelta(days=7)])
    found = drift(con, mine, None, silent)
    assert found.as_of_date == day
    assert found.status == "FAIL"
    assert {"silent_days", "events_last_day", "events_last_7_days", "events_7d"} <= set(found.names("FAIL"))
    assert next(one.message for one in found.verdicts if one.name == "silent_days").startswith(
        "7 days without an event"
    )


def test_a_day_without_one_eligible_user_is_a_failure_of_volume_and_no_exception(
    con: duckdb.DuckDBPyConnection, mine: Warehouse
) -> None:
    day = con.execute("select as_of_date from period").fetchall()[0][0]
    found = drift(con, mine, day + timedelta(days=60), silent)
    assert found.names("FAIL") == ["eligible_rows", "events_last_7_days", "events_last_day", "silent_days"]
    # the label of the last scored days is known by then, and nobody came back
    assert {one.verdict for one in found.verdicts if one.kind in ("number", "category", "score")} == {None}
    assert json.loads((mine.reports / "data_drift_latest.json").read_text())["overall_max_psi"] is None


def test_a_feature_that_the_rows_lack_fails_by_its_name(con: duckdb.DuckDBPyConnection, mine: Warehouse) -> None:
    without = open_warehouse(parse_settings({"features": {"exclude": ["country"]}}, "test"), mine.root)
    list(build(con, without))
    found = drift(con, without, None, silent)
    assert found.names("FAIL") == ["country"]
    assert found.verdicts[0].kind == "column"
    list(build(con, mine))
    con.execute("create table kept as select * exclude (logins_7d) from scoring_dataset")
    con.execute("drop view scoring_dataset")
    con.execute("create view scoring_dataset as from kept")
    assert check(con, mine, None, silent).names("FAIL") == ["logins_7d"]


def test_a_column_that_the_newest_landing_lacked_fails_by_its_name(
    con: duckdb.DuckDBPyConnection, mine: Warehouse, tmp_path: Path
) -> None:
    (users,) = mine.landed("users")
    poorer = f"{tmp_path}/poorer.parquet"
    con.execute(f"copy (select * exclude (country, landing, source_row) from '{users}') to '{poorer}'")
    land_sources(mine, poorer, None, silent)
    list(build(con, mine))
    assert check(con, mine, None, silent).names("FAIL") == ["country", "users.country"]


def test_the_score_counts_only_where_production_scored_the_day(con: duckdb.DuckDBPyConnection, mine: Warehouse) -> None:
    found = {one.name: one for one in check(con, mine, None, silent).verdicts}
    assert found["churn_risk"].verdict == "OK"
    assert (found["churn_label"].verdict, found["churn_label"].message) == (
        None,
        "no label has matured since the reference",
    )
    con.execute("update scores set churn_risk = 0.99")
    assert check(con, mine, None, silent).names("FAIL") == ["churn_risk"]
    con.execute("update scores set model_version = 'another'")
    found = {one.name: one for one in check(con, mine, None, silent).verdicts}
    assert (found["churn_risk"].verdict, found["churn_risk"].message) == (None, "production has not scored this day")


def test_a_later_day_compares_the_newest_labels_with_those_of_the_reference(
    con: duckdb.DuckDBPyConnection, mine: Warehouse
) -> None:
    day = con.execute("select as_of_date from period").fetchall()[0][0]
    con.execute("update drift_reference set last_as_of_date = last_as_of_date - 7")
    found = {one.name: one for one in check(con, mine, None, silent).verdicts}
    assert found["churn_label"].psi is not None
    assert con.execute("select distinct as_of_date from drift_labels").fetchall() == [(day - timedelta(days=30),)]
    shares = "select current_share from drift_shares where feature = 'churn_label' and level = '1'"
    rate = f"select avg(churn_label) from training_dataset where as_of_date = date '{day}' - 30"
    assert con.execute(shares).fetchall()[0][0] == pytest.approx(con.execute(rate).fetchall()[0][0])


def test_the_reference_is_made_of_days_that_the_model_learned_from(con: duckdb.DuckDBPyConnection) -> None:
    first, last, users = con.execute(
        "select distinct first_as_of_date, last_as_of_date, users from drift_reference"
    ).fetchall()[0]
    learned = con.execute("select max(as_of_date) from training_snapshots").fetchall()[0][0]
    assert (last, (last - first).days) == (learned, 24)
    assert len({(last - timedelta(days=4 * step)).weekday() for step in range(7)}) == 7
    assert users > 500
    shares = "select feature, sum(expected_share) from drift_bins group by feature"
    assert all(total == pytest.approx(1) for _, total in con.execute(shares).fetchall())


# --- the numbers themselves


def psi_by_hand(bins: list[tuple], values: list[object], users: int) -> float:
    """Bin by bin, value by value; `bins` are kind, lower_bound, upper_bound, level and expected_share."""

    def place(value: object) -> int:
        is_null = value is None or (isinstance(value, float) and math.isnan(value))
        tests = {
            "null": lambda row: is_null,
            "level": lambda row: value == row[3],
            "point": lambda row: not isinstance(value, str) and value == row[1],
        }
        for kind, test in tests.items():
            for number, row in enumerate(bins):
                if row[0] == kind and test(row):
                    return number
        return next(
            number
            for number, row in enumerate(bins)
            if row[0] == "unseen"
            or (row[0] == "range" and not is_null and row[1] <= value < (row[2] + 1e-300))  # type: ignore[operator]
            or (row[0] == "range" and math.isinf(row[2]) and value == row[2])
        )

    counts = Counter(place(value) for value in values)
    total = 0.0
    for number, row in enumerate(bins):
        then = (row[4] * users + 0.5) / (users + 0.5 * len(bins))
        now = (counts[number] + 0.5) / (len(values) + 0.5 * len(bins))
        total += (now - then) * math.log(now / then)
    return total


def test_the_view_says_what_counting_by_hand_says(con: duckdb.DuckDBPyConnection, mine: Warehouse) -> None:
    odd = "[null, cast('nan' as double), cast('infinity' as double), -1e9, 0, 0.5, 1, 7, 80, 1e9]"
    pick = "[cast(1 + hash(user_id * 31) % 10 as bigint)]"
    changes = ", ".join(f"({odd}){pick} as {name}" for name in ("quiz_avg_score_7d", "watch_minutes_7d", "is_paid"))
    changes += f", (['US', null, 'Atlantis', 'IN', '', 'US', 'US', 'UK', 'us', 'DE']){pick} as country"
    with instead(con, mine, f"select * replace ({changes}) from scoring_dataset"):
        found = con.execute("select feature, psi, users from drift_psi where kind in ('number', 'category')").fetchall()
        for feature, psi, users in found:
            bins = con.execute(
                """select kind, lower_bound, upper_bound, level, expected_share from drift_bins
                where feature = ? order by bin""",
                [feature],
            ).fetchall()
            values = [row[0] for row in con.execute(f"select {feature} from scoring_dataset").fetchall()]
            assert psi == pytest.approx(psi_by_hand(bins, values, users), abs=1e-12), feature


@contextmanager
def compared(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, then: str, now: str) -> Iterator[None]:
    """Users of one day of whom `then` holds are the reference, those of whom `now` holds the day; undone at the end."""
    day = set_as_of_date(con, warehouse, None)
    model = require_production(con, warehouse).scoring_model()
    con.execute("begin")
    try:
        observe_users(con, warehouse.settings, day, day, then.replace("user_id", "features.user_id"), 1.0)
        freeze(con, warehouse, model)
        keep(con, "test")
        con.execute(
            "insert into promotions (promoted_at, model_version, reason) values (?, 'test', 'test')", [utc_now()]
        )
        con.execute(f"delete from scores where not ({now})")
        con.execute("update scores set model_version = 'test'")
        con.execute(f"create or replace temp table chosen as from scoring_dataset where {now}")
        con.execute("drop view scoring_dataset")
        con.execute("create table scoring_dataset as from chosen")
        yield
    finally:
        con.execute("rollback")


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.integers(0, 600), min_size=1, max_size=200))
def test_nothing_has_moved_against_itself(con: duckdb.DuckDBPyConnection, mine: Warehouse, places: set[int]) -> None:
    users = [row[0] for row in con.execute("select user_id from scoring_dataset order by user_id").fetchall()]
    only = f"user_id in {tuple({users[place % len(users)] for place in places} | {0})}"
    with compared(con, mine, only, only):
        found = con.execute("select feature, psi from drift_psi where kind <> 'label'").fetchall()
    assert len(found) > 40
    assert [(feature, psi) for feature, psi in found if psi != 0] == []


def false_alarms(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, comparisons: int) -> int:
    """How many of so many ways to halve the users of one day get a WARN or worse for any feature or the score."""
    alarms = 0
    for number in range(comparisons):
        half = f"hash(user_id * 1000003 + {number}) % 2"
        with compared(con, warehouse, f"{half} = 0", f"{half} = 1"):
            (bad,) = con.execute("select count(*) from drift_psi where verdict <> 'OK'").fetchall()[0]
        alarms += bad > 0
    return alarms


def test_two_halves_of_one_day_are_no_drift(con: duckdb.DuckDBPyConnection, mine: Warehouse) -> None:
    assert false_alarms(con, mine, 10) <= 2


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_of_200_pairs_of_halves_at_most_1_in_20_warns(con: duckdb.DuckDBPyConnection, mine: Warehouse) -> None:
    assert false_alarms(con, mine, 200) <= 10


# --- the commands


def contents(warehouse: Warehouse) -> dict[str, object]:
    """A digest of every table, and every file with its time."""
    with working(warehouse, "test") as con:
        names = [row[0] for row in con.execute("select table_name from duckdb_tables() order by all").fetchall()]
        tables = {name: con.execute(f"select count(*), bit_xor(hash(t)) from {name} as t").fetchall() for name in names}
        views = con.execute("select view_name, sql from duckdb_views() where not internal order by all").fetchall()
    files = {
        str(path): path.stat().st_mtime_ns
        for path in sorted(warehouse.root.rglob("*"))
        if path.is_file() and not path.name.startswith((".writer", "churn.duckdb"))
    }
    return {"tables": tables, "views": views, "files": files}


def test_the_demo_of_drift_fails_on_a_copy_and_touches_nothing(
    mine: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ("--warehouse", mine.root)
    assert run(*at, "build") == 0
    before = contents(mine)
    capsys.readouterr()
    assert run(*at, "demo-drift", "--strength", "3") == 2
    printed = capsys.readouterr().out
    assert printed.startswith("before: OK: ")
    assert "watch_minutes_30d, watch_minutes_14d, watch_minutes_7d\n" in printed
    assert run(*at, "demo-drift", "--strength", "1", "--json") == 0
    assert {one["verdict"] for one in json.loads(capsys.readouterr().out)["after"]["verdicts"]} <= {"OK", None}
    assert contents(mine) == before


def test_drift_exits_0_then_2_and_prints_the_contracts_keys(
    mine: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ("--warehouse", mine.root)
    assert run(*at, "build") == 0
    capsys.readouterr()
    assert run(*at, "drift") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("OK: 2025-06-19 against what baseline_logreg_")
    with working(mine, "test") as con:
        con.execute("update users_clean set country = 'Atlantis'")
    assert run(*at, "drift", "--json") == 2
    content = json.loads(capsys.readouterr().out)
    assert list(content)[:5] == KEYS
    assert (content["status"], content["failed"]) == ("FAIL", ["country"])
    assert content["overall_max_psi"] == content["psi_by_feature"]["country"]
    assert json.loads((mine.reports / "data_drift_latest.json").read_text()) == content
    assert run(*at, "drift") == 2
    assert "1 FAIL: country" in capsys.readouterr().out


def test_without_a_model_or_its_reference_drift_exits_1(mine: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    at = ("--warehouse", mine.root)
    assert run(*at, "build") == 0
    assert run(*at, "drift", "--as-of", "2025-05-01") == 1
    assert "a day must not be compared with itself" in capsys.readouterr().err
    with working(mine, "test") as con:
        con.execute("delete from drift_reference")
        with pytest.raises(ModelError, match="has no reference of drift"):
            check(con, mine, None, silent)
        con.execute("delete from promotions")
    assert run(*at, "drift") == 1
    assert run(*at, "demo-drift") == 1


def test_the_score_proxy_is_the_spread_of_the_newest_predictions(
    mine: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ("--warehouse", mine.root)
    assert run(*at, "build") == 0
    with working(mine, "test") as con:
        risks = [row[0] for row in con.execute("select churn_risk from predictions order by all").fetchall()]
    capsys.readouterr()
    assert run(*at, "score-proxy", "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert content == json.loads((mine.reports / "score_proxy_latest.json").read_text())
    assert content["mean"] == pytest.approx(sum(risks) / len(risks))
    assert content["high_risk_rate"] == sum(risk >= 0.7 for risk in risks) / len(risks)
    assert content["p50"] <= content["p90"] <= content["p99"] <= max(risks)
    assert run(*at, "score-proxy") == 0
    assert f"{len(risks):,} users scored at 2025-06-19" in capsys.readouterr().out
    with working(mine, "test") as con:
        con.execute("delete from scores")
    assert run(*at, "score-proxy") == 1


def test_the_demo_finds_something_to_multiply_in_any_business() -> None:
    assert shifted_columns(Settings()) == ["watch_minutes_7d", "watch_minutes_14d", "watch_minutes_30d"]
    counted = {"measures": [{"name": "calls"}], "features": {"windows_days": [3]}}
    assert shifted_columns(parse_settings(counted, "test")) == ["events_3d"]
    hidden = {**counted, "features": {"windows_days": [3], "exclude": ["events_3d"]}}
    assert shifted_columns(parse_settings(hidden, "test")) == ["days_since_last_activity"]
