"""The loop: what asks for a retraining, what holds it back, and that living through a log never looks ahead."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from churn_duck_cli.main import _exit_code

from churn_duck.errors import NothingNew, WarehouseError
from churn_duck.ingestion.land import land_sources
from churn_duck.jobs.rehearse import rehearse
from churn_duck.jobs.retrain import retrain
from churn_duck.jobs.run import Ran
from churn_duck.monitoring.performance import performance
from churn_duck.monitoring.retraining_triggers import Triggers, triggers
from churn_duck.proof.generate import generate
from churn_duck.proof.synthetic import World
from churn_duck.settings.config import Settings
from churn_duck.settings.load import parse_settings
from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.build import build
from churn_duck.warehouse.store import Warehouse, connected, open_warehouse, working
from tests.conftest import silent

DAY = date(2025, 7, 19)


def with_settings(warehouse: Warehouse, **retraining: object) -> Warehouse:
    return open_warehouse(parse_settings({"retraining": retraining}, "test"), warehouse.root)


def found(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None = None) -> Triggers:
    asked = triggers(con, warehouse, as_of)
    assert asked is not None
    return asked


@pytest.fixture
def con(own: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    with working(own, "test") as connection:
        yield connection


def plant_verdict(con: duckdb.DuckDBPyConnection, name: str, kind: str) -> None:
    con.execute(
        """insert into drift_reports
        select period.as_of_date, production.model_version, ?, ?, 'FAIL', 1.0, 0.0, 'planted', now()
        from period cross join current_production as production""",
        [name, kind],
    )


def test_nothing_asks_for_a_retraining_on_the_day_of_training(own: Warehouse, con: duckdb.DuckDBPyConnection) -> None:
    asked = found(con, own)
    assert (asked.asking, asked.days_since_training, asked.data_doubts) == ([], 0, None)
    assert set(asked.message) == {"drift", "realised_loss", "schedule", "age"}
    assert asked.sentence() == "no reason to retrain: 0 days since the last training, scheduled every 28"


def test_a_feature_that_fails_asks_for_it_once_the_cooldown_is_over(
    own: Warehouse, con: duckdb.DuckDBPyConnection
) -> None:
    set_as_of_date(con, own, None)
    plant_verdict(con, "logins_7d", "number")
    assert found(con, own).asking == ["drift"]
    assert found(con, own).due == {}
    assert "the last training was 0 days ago; reasons: drift (FAIL: logins_7d)" in found(con, own).sentence()
    assert found(con, with_settings(own, cooldown_days=0)).due == {"drift": "FAIL: logins_7d"}


def test_nothing_is_learned_from_data_that_is_itself_in_doubt(own: Warehouse, con: duckdb.DuckDBPyConnection) -> None:
    set_as_of_date(con, own, None)
    plant_verdict(con, "silent_days", "freshness")
    hasty = with_settings(own, cooldown_days=0)
    assert found(con, hasty).asking == []
    plant_verdict(con, "logins_7d", "number")
    asked = found(con, hasty)
    assert (asked.asking, asked.due, asked.data_doubts) == (["drift"], {}, "silent_days")
    assert "retraining is due, but data checks failed: silent_days" in asked.sentence()


def test_a_volume_that_stays_low_for_weeks_is_the_business_and_holds_nothing_back(
    own: Warehouse, con: duckdb.DuckDBPyConnection
) -> None:
    set_as_of_date(con, own, None)
    plant_verdict(con, "logins_7d", "number")
    plant_verdict(con, "events_7d", "volume")
    hasty = with_settings(own, cooldown_days=0, doubt_days=14)
    assert (found(con, hasty).due, found(con, hasty).data_doubts) == ({}, "events_7d")
    con.execute("insert into drift_reports select * replace (as_of_date - 14 as as_of_date) from drift_reports")
    assert found(con, hasty).due == {"drift": "FAIL: logins_7d"}
    con.execute("""insert into drift_reports
        select * replace (as_of_date + 7 as as_of_date, 'OK' as verdict)
        from drift_reports where as_of_date = (select min(as_of_date) from drift_reports)""")
    assert found(con, hasty).data_doubts == "events_7d"


def test_schedule_and_age_count_days_of_the_data(own: Warehouse, con: duckdb.DuckDBPyConnection) -> None:
    end = set_as_of_date(con, own, None)
    settings = with_settings(own, every_days=5, max_age_days=9, cooldown_days=3)
    told = {days: found(con, settings, end + timedelta(days=days)) for days in (2, 4, 5, 6)}
    assert {days: asked.asking for days, asked in told.items()} == {2: [], 4: [], 5: ["schedule"], 6: ["schedule"]}
    con.execute("update models set as_of_date = as_of_date - 4")
    assert found(con, settings, end + timedelta(days=5)).asking == ["age", "schedule"]
    never = with_settings(own, every_days=None, max_age_days=None, cooldown_days=0)
    assert found(con, never, end + timedelta(days=6)).asking == []


def test_data_that_both_models_know_is_not_learned_again_and_that_is_kept(
    own: Warehouse, con: duckdb.DuckDBPyConnection
) -> None:
    with pytest.raises(NothingNew):
        retrain(con, own, None, {"manual": "by hand"}, silent)
    rows = con.execute("select reasons, outcome, len(challengers) from retrainings").fetchall()
    assert rows == [(["manual"], "no_new_data", 0)]


def test_nothing_new_is_a_failure_by_hand_and_a_good_end_where_one_says_so(
    own: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    base = ["--warehouse", str(own.root), "retrain", "--reason", "schedule"]
    assert _exit_code(base) == 5
    assert "already trained on the same data" in capsys.readouterr().err
    assert _exit_code([*base, "--if-new"]) == 0
    assert "nothing was retrained: " in (said := capsys.readouterr().out)
    assert "already trained on the same data" in said
    with connected(own) as looking:
        ran = looking.execute(
            "select outcome, exit_code, message from runs where command = 'retrain' order by started_at"
        )
        assert [(*row[:2], row[2] in said) for row in ran.fetchall()] == [
            ("no_new_data", 5, True),
            ("no_new_data", 0, True),
        ]
        kept = looking.execute("select reasons, outcome from retrainings").fetchall()
    assert kept == [(["schedule"], "no_new_data")] * 2


@pytest.mark.whole
def test_what_is_new_is_still_learned_where_nothing_new_would_be_a_good_end(own: Warehouse) -> None:
    # new to both models by force
    assert _exit_code(["--warehouse", str(own.root), "retrain", "--if-new", "--force"]) == 0
    with connected(own) as looking:
        assert looking.execute("select len(challengers) from retrainings").fetchall() == [(3,)]


@pytest.mark.whole
def test_drift_that_fails_retrains_on_the_landed_data_and_keeps_the_reason(
    own: Warehouse, business: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Eight more days in which everybody watches fifty times as long."""
    file, config = tmp_path / "more.parquet", tmp_path / "c.yaml"
    con = duckdb.connect()
    con.execute(f"""copy (
        select event_id + 1000000 as event_id, user_id, event_time + interval 8 day as event_time, event_type,
            course_id, watch_minutes * 50 as watch_minutes, quiz_score, amount
        from '{business}/events.parquet'
        where event_time > (select max(event_time) - interval 8 day from '{business}/events.parquet')
    ) to '{file}'""")
    config.write_text(yaml.safe_dump({"retraining": {"cooldown_days": 8}, "events": {"values": _generous_minutes()}}))
    base = ["--config", str(config), "--warehouse", str(own.root)]
    assert _exit_code([*base, "land", "--events", str(file)]) == 0
    assert _exit_code([*base, "build"]) == 0
    capsys.readouterr()
    assert _exit_code([*base, "--json", "drift", "--retrain"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert "watch_minutes_7d" in told["failed"]
    assert told["retrained"]["reasons"] == ["drift"]
    assert _exit_code([*base, "drift", "--retrain"]) in (0, 1, 2)
    with connected(own) as looking:
        rows = looking.execute(
            "select reasons, outcome in ('promoted', 'not_promoted'), len(challengers) from retrainings"
        ).fetchall()
        assert rows == [(["drift"], True, 3)]


def _generous_minutes() -> list[dict[str, Any]]:
    values = Settings().events.model_dump()["values"]
    return [{**value, "max": 1e6} if value["name"] == "watch_minutes" else value for value in values]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, list[dict[str, Any]], Path]:
    """The last two months of 200 days in steps of thirty, with a training planned for the last."""
    folder = tmp_path_factory.mktemp("lived")
    list(generate(World(n_users=300, days=200, seed=11), folder))
    settings = {"retraining": {"every_days": 45, "cooldown_days": 10}}
    warehouse = open_warehouse(parse_settings(settings, "test"), folder / "warehouse")
    files = (str(folder / "users.parquet"), str(folder / "events.parquet"))
    rows = rehearse(warehouse, *files, date(2025, 5, 20), 30, None, silent)
    return warehouse, rows, folder


@pytest.mark.whole
def test_a_rehearsal_scores_each_day_and_retrains_where_it_is_due(
    lived: tuple[Warehouse, list[dict[str, Any]], Path],
) -> None:
    warehouse, rows, _ = lived
    days = [date(2025, 5, 20) + timedelta(days=30 * step) for step in range(3)]
    assert [row["as_of_date"] for row in rows] == days
    assert [row["drift_verdict"] is None for row in rows] == [True, False, False]
    asked = [row["retraining_reasons"] or [] for row in rows]
    assert "schedule" in asked[2]
    assert [row["churn_rate"] is not None for row in rows] == [True, True, False]
    with connected(warehouse) as con:
        told = con.execute("select command, as_of_date, outcome from runs order by started_at").fetchall()
        assert told == [("rehearse", day, "ok") for day in days]
        kept = con.execute("select as_of_date from retrainings order by all").fetchall()
        assert kept == [(row["as_of_date"],) for row in rows if row["retraining_reasons"]]


@pytest.mark.whole
def test_a_rehearsal_never_scores_with_a_model_or_an_event_from_later(
    lived: tuple[Warehouse, list[dict[str, Any]], Path],
) -> None:
    warehouse, rows, _ = lived
    with connected(warehouse) as con:
        seen = con.execute("""
            select count(*) from scores inner join models using (model_version)
            where models.as_of_date > scores.as_of_date""").fetchall()
        assert seen == [(0,)]
        newest = con.execute("""
            select landing, cast(max(event_time) as date)
            from raw_events
            group by landing
            order by landing""").fetchall()
    assert [day for _, day in newest] == [row["as_of_date"] for row in rows]


@pytest.mark.whole
def test_what_a_rehearsal_built_step_by_step_equals_one_landing_of_the_log(
    lived: tuple[Warehouse, list[dict[str, Any]], Path],
) -> None:
    warehouse, rows, folder = lived
    whole = open_warehouse(Settings(), folder / "whole")
    land_sources(whole, str(folder / "users.parquet"), str(folder / "events.parquet"), silent)
    until = rows[-1]["as_of_date"]
    query = f"""select * from user_activity where activity_date <= date '{until}' order by user_id, activity_date"""
    with connected(whole) as full, connected(warehouse) as stepwise:
        list(build(full, whole))
        assert stepwise.execute(query).fetchall() == full.execute(query).fetchall()


@pytest.mark.whole
def test_a_loss_against_the_rule_that_is_no_chance_asks_for_a_retraining(
    lived: tuple[Warehouse, list[dict[str, Any]], Path],
) -> None:
    warehouse, rows, _ = lived
    with working(warehouse, "test") as con:
        end = rows[-1]["as_of_date"]
        performance(con, warehouse, end, silent)
        con.execute("begin")
        con.execute("update models set as_of_date = date '2025-05-20'")
        con.execute("update scores set model_version = (select model_version from current_production)")
        con.execute("update realised_intervals set model_version = (select any_value(model_version) from scores)")
        before = found_in(con)
        con.execute("update realised_intervals set low = -0.2, high = -0.1 where metric = 'pr_auc_gain'")
        after = found_in(con)
        con.execute("rollback")
    assert (before, after) == (False, True)


def found_in(con: duckdb.DuckDBPyConnection) -> bool:
    return bool(con.execute("select is_due from retraining_triggers where reason = 'realised_loss'").fetchall()[0][0])


def test_a_rehearsal_wants_a_warehouse_of_its_own(ran: tuple[Warehouse, Ran], business: Path) -> None:
    files = (str(business / "users.parquet"), str(business / "events.parquet"))
    with pytest.raises(WarehouseError, match="a rehearsal needs a --warehouse DIR of its own"):
        rehearse(ran[0], *files, DAY, 7, None, silent)


def test_from_the_day_of_the_change_people_come_rarely_and_watch_longer(tmp_path: Path) -> None:
    usual, other = (
        World(n_users=300, days=60, seed=3),
        World(n_users=300, days=60, seed=3, change_date=date(2025, 2, 1)),
    )
    for name, world in (("usual", usual), ("other", other)):
        list(generate(world, tmp_path / name))
    query = """select event_time < timestamp '2025-02-01' as before, count(*), avg(watch_minutes)
        from '{}/events.parquet' where event_type = 'video_watch' group by 1 order by 1"""
    (after, early), (after_too, early_too) = (
        duckdb.sql(query.format(tmp_path / name)).fetchall() for name in ("usual", "other")
    )
    assert 0.9 < early_too[1] / early[1] < 1.1
    assert 0.3 < after_too[1] / after[1] < 0.5
    assert 1.8 < after_too[2] / after[2] < 2.2
