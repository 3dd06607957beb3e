"""The report shows what SQL says, explains what is missing, trusts no word, and sees no later evening."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from churn_duck_cli.main import main

from churn_duck.errors import WarehouseError
from churn_duck.jobs.report import report
from churn_duck.pages.html import breakable, dated
from churn_duck.pages.report.charts import band_columns, bridge_steps, ceiling, history
from churn_duck.pages.report.drift_heat_map import SHOWN_CALM, SHOWN_DAYS, heat
from churn_duck.pages.report.page import page
from churn_duck.pages.report.text import headlines
from churn_duck.settings.load import parse_settings
from churn_duck.warehouse.store import Warehouse, open_warehouse, working
from tests.conftest import silent
from tests.pages.html import ESCAPED, EVIL, Tags, needs_nothing
from tests.worlds import event, land_rows, same_world, user, world

WEEKS = [date(2025, 1, 10), date(2025, 1, 17), date(2025, 1, 24)]
BEFORE = {"a": 0.9, "b": 0.1, "c": 0.8, "d": 0.5, "f": 0.4}
NOW = {"a": 0.95, "b": 0.75, "c": 0.2, "e": 0.1, "f": 0.45, EVIL: 0.36}
SECTIONS = ("list", "bands", "moves", "drift", "performance", "health", "asking")
# days in January on which they do something: d falls silent, e signs up on the 20th, the last one comes back
SEEN = {"a": (9, 16, 23), "b": (9, 16, 22), "c": (9, 17, 24), "d": (9, 12), "e": (20,), "f": (8, 15, 21), EVIL: (2, 23)}
OPTIONS: dict[str, Any] = {
    "users": {"id_type": "text"},
    "churn": {"window_days": 7},
    "population": {"active_within_days": 7},
    "features": {"windows_days": [3, 7]},
    "scoring": {"top_k": 5},
}


@contextmanager
def small(root: Path, **options: object) -> Iterator[tuple[duckdb.DuckDBPyConnection, Warehouse]]:
    """Seven users over 24 days, nobody scored."""
    days = [(who, day) for who, own in SEEN.items() for day in own]
    events = [event(n, who, f"2025-01-{day:02}T12:00:00") for n, (who, day) in enumerate(days, 1)]
    users = [user(who, "2025-01-20" if who == "e" else "2025-01-01") for who in SEEN]
    with same_world(root, users, events, **{**OPTIONS, **options}) as opened:
        yield opened


def scored(con: duckdb.DuckDBPyConnection, day: date, risks: dict[str, float], model: str = "m") -> None:
    for rank, (who, risk) in enumerate(sorted(risks.items(), key=lambda one: -one[1]), 1):
        con.execute("insert into scores values (?, ?, ?, ?, ?, ?)", [who, day, model, risk, rank, f"{day} 20:00"])


def explained(con: duckdb.DuckDBPyConnection, day: date, who: str, feature: str) -> None:
    row = {"user_id": who, "as_of_date": day, "model_version": "m", "scored_at": f"{day} 20:00", "reason_rank": 1,
           "feature": feature, "value": "6", "typical": "2", "contribution": 0.5, "method": "linear"}  # fmt: skip
    con.execute(f"insert into reasons ({', '.join(row)}) values ({', '.join('?' * len(row))})", list(row.values()))


def checked(con: duckdb.DuckDBPyConnection, day: date, name: str, verdict: str | None, psi: float | None) -> None:
    con.execute(
        "insert into drift_reports values (?, 'm', ?, 'number', ?, ?, 0.05, ?, ?)",
        [day, name, verdict, psi, f"{name} moved", f"{day} 21:00"],
    )


def fill(con: duckdb.DuckDBPyConnection) -> None:
    """Three weeks of scores, reasons for who rose, and checks of drift."""
    for day, risks in zip(WEEKS, (BEFORE, BEFORE, NOW), strict=True):
        scored(con, day, risks)
        checked(con, day, "events_7d", "FAIL" if day == WEEKS[2] else "OK", 0.3)
        checked(con, day, "logins_3d", "OK", 0.01)
    explained(con, WEEKS[2], "b", "days_since_last_activity")
    explained(con, WEEKS[2], "a", "events_7d")
    explained(con, WEEKS[1], "a", "events_7d")


@pytest.fixture
def full(tmp_path: Path) -> dict[str, Any]:
    """The content of a report with something in every section."""
    with small(tmp_path) as (con, warehouse):
        fill(con)
        return report(con, warehouse, None, silent)


def test_the_page_has_every_section_and_needs_nothing_but_itself(full: dict[str, Any]) -> None:
    text = page(full)
    needs_nothing(text)
    ids = [attributes["id"] for _, attributes in Tags(text).found if "id" in attributes]
    assert set(SECTIONS) <= set(ids)
    assert len(ids) == len(set(ids))
    assert full["empty"] == {}
    assert "To fill it" not in text


def test_the_page_can_be_read_without_seeing_it(full: dict[str, Any]) -> None:
    tags = Tags(page(full)).found
    ids = {attributes["id"] for _, attributes in tags if "id" in attributes}
    assert all("scope" in attributes for name, attributes in tags if name == "th")
    charts = [attributes for name, attributes in tags if name == "svg" and "aria-hidden" not in attributes]
    assert len(charts) == 7
    assert all(set(str(one["aria-labelledby"]).split()) <= ids for one in charts)
    assert '<span class="hidden">FAIL </span>.30' in page(full)


def test_moves_are_as_counted_by_hand(full: dict[str, Any]) -> None:
    found = {(row["earlier_band"], row["band"], row["movement"]): row["moved_users"] for row in full["moves"]}
    assert found == {
        ("high", "high", "stayed"): 1,
        ("low", "high", "rose"): 1,
        ("high", "low", "fell"): 1,
        ("medium", "none", "fell silent"): 1,
        ("none", "low", "signed up"): 1,
        ("medium", "medium", "stayed"): 1,
        ("none", "medium", "came back"): 1,
    }
    assert bridge_steps(full["moves"], "high") == [
        ("17 Jan", "whole", 0, 2),
        ("rose into it", "in", 2, 3),
        ("fell out of it", "out", 3, 2),
        ("24 Jan", "whole", 0, 2),
    ]
    assert "High risk gained 1 (1 rose) and lost 1 (1 fell)." in page(full)


def test_a_scored_user_whom_users_clean_lost_is_removed_and_not_silent(tmp_path: Path) -> None:
    with small(tmp_path) as (con, _):
        scored(con, WEEKS[1], {"a": 0.9, "gone": 0.9})
        scored(con, WEEKS[2], {"a": 0.9})
        found = con.execute("select user_id, movement from user_moves order by all").fetchall()
    assert found == [("a", "stayed"), ("gone", "removed")]


@pytest.mark.parametrize(("risk", "band"), [(0.7, "high"), (0.6999, "medium"), (0.35, "medium"), (0.3499, "low")])
def test_a_band_begins_at_its_bound(tmp_path: Path, risk: float, band: str) -> None:
    with small(tmp_path) as (con, _):
        scored(con, WEEKS[2], {"a": risk})
        assert con.execute("select band from banded_predictions").fetchall() == [(band,)]
        counts = con.execute("select band, band_users from risk_bands order by place").fetchall()
    assert counts == [(name, int(name == band)) for name in ("high", "medium", "low")]


def test_bands_sum_to_the_scored_users_and_moves_to_both_days(tmp_path: Path) -> None:
    with small(tmp_path) as (con, _):
        fill(con)
        days = con.execute("""
            select scored_users, (select sum(band_users) from risk_bands where risk_bands.as_of_date = days.as_of_date)
            from scored_days as days order by as_of_date""").fetchall()
        for key, day in (("band", "as_of_date"), ("earlier_band", "earlier_date")):
            wrong = con.execute(f"""
                with moved as (
                    select {day} as as_of_date, {key} as band, sum(moved_users) as users
                    from band_moves where {key} != 'none' group by all
                )
                from moved join risk_bands using (as_of_date, band) where users != band_users""").fetchall()
            assert wrong == []
    assert days == [(5, 5), (5, 5), (6, 6)]


def test_the_scored_business_has_bands_that_sum_to_its_scores(looking: duckdb.DuckDBPyConnection) -> None:
    found = looking.execute("""
        select sum(band_users) = any_value(n), round(sum(expected_churners) - any_value(risk), 6)
        from risk_bands
        cross join (select count(*) as n, sum(churn_risk) as risk from predictions)""").fetchall()
    assert found == [(True, 0)]


def test_new_reasons_of_those_who_rose_are_counted(full: dict[str, Any]) -> None:
    (row,) = full["riser_reasons"]
    assert (row["feature"], row["rising_users"], row["risers"]) == ("days_since_last_activity", 1, 1)
    assert row["example"] in page(full)


def test_what_somebody_typed_is_shown_and_not_run(full: dict[str, Any]) -> None:
    text = page(full)
    assert EVIL not in text
    assert ESCAPED in text


def test_the_figures_are_those_of_the_views(tmp_path: Path) -> None:
    with small(tmp_path) as (con, warehouse):
        fill(con)
        found = report(con, warehouse, None, silent)
        views = {
            "bands": "risk_bands order by as_of_date, place",
            "moves": f"band_moves where as_of_date = '{WEEKS[2]}' order by all",
            "performance": "performance_history order by as_of_date, metric",
        }
        for name, view in views.items():
            assert [tuple(row.values()) for row in found[name]] == con.execute(f"from {view}").fetchall()
        ranked = con.execute(f"from ranked_users(date '{WEEKS[2]}') order by risk_rank limit 5").fetchall()
    assert [tuple(row.values())[:-3] for row in found["ranked"]] == ranked
    assert [row["earlier_rank"] for row in found["ranked"]] == [1, 5, 4, None, 2]
    assert found["headlines"][0]["answer"] == "2, as many as on 2025-01-17"


def test_what_came_true_stands_beside_what_was_said(full: dict[str, Any]) -> None:
    rate = {row["as_of_date"]: row for row in full["performance"] if row["metric"] == "churn_rate"}
    assert [rate[day]["realised"] for day in WEEKS] == [0, 0.2, None]
    assert rate[WEEKS[1]]["expected"] == pytest.approx(0.54)
    assert rate[WEEKS[1]]["realised_low"] is not None
    assert (rate[WEEKS[2]]["matures_on"], rate[WEEKS[2]]["days_until_mature"]) == (WEEKS[2] + timedelta(days=7), 7)
    assert "2025-01-31, in 7 days" in page(full)


def test_a_report_of_an_earlier_evening_sees_nothing_later(tmp_path: Path) -> None:
    with small(tmp_path) as (con, warehouse):
        scored(con, WEEKS[0], BEFORE)
        checked(con, WEEKS[0], "events_7d", "OK", 0.3)
        before = report(con, warehouse, WEEKS[0] + timedelta(days=1), silent)
        con.execute("delete from scores")
        con.execute("delete from drift_reports")
        fill(con)
        after = report(con, warehouse, WEEKS[0] + timedelta(days=1), silent)
    for one in (before, after):
        one["health"].pop("runs")
        one["drift"] = [row for row in one["drift"] if row["name"] == "events_7d"]
        one.pop("headlines")
    assert before == after
    assert before["performance"][0]["realised"] is None


def test_with_nobody_scored_every_section_says_what_fills_it(tmp_path: Path) -> None:
    with small(tmp_path) as (con, warehouse):
        found = report(con, warehouse, None, silent)
        text = page(found)
    assert set(found["empty"]) == {"list", "bands", "moves", "performance", "drift"}
    why = dict(found["empty"])
    assert why.pop("drift") == "No model is in production, so there is nothing to compare a day with."
    assert all(said.startswith("Nobody has been scored up to 2025-01-24") for said in why.values())
    assert len(set(why.values())) == 4
    assert text.count("To fill it: <code>churn-duck run</code>") == 4
    assert "To fill it: <code>churn-duck run &amp;&amp; churn-duck drift</code>" in text
    assert [one["grade"] for one in found["headlines"]][:3] == ["none", "none", "none"]
    needs_nothing(text)


def test_after_one_scored_day_what_is_missing_is_told(tmp_path: Path) -> None:
    with small(tmp_path) as (con, warehouse):
        scored(con, WEEKS[2], NOW)
        found = report(con, warehouse, None, silent)
    assert found["empty"] == {
        "moves": "2025-01-24 is the first scored day. Movements show from the second one on.",
        "drift": "No model is in production, so there is nothing to compare a day with.",
        "performance": "No label is known yet: a label needs 7 days after the scored day, and the first ones will be "
        "known on 2025-01-31.",
    }


def test_after_one_scored_day_the_commands_are_those_that_help(own: Warehouse) -> None:
    with working(own, "test") as con:
        text = page(report(con, own, None, silent))
    for words in ("churn-duck drift", "churn-duck score", "churn-duck land --users FILE --events FILE"):
        assert f"To fill it: <code>{words}</code>" in text
    assert "No reasons: nothing raises this risk" not in text


def test_a_list_without_reasons_says_so(full: dict[str, Any]) -> None:
    assert page(full).count("No reasons: nothing raises this risk") == 3


def test_where_nobody_left_there_is_nothing_to_rank(tmp_path: Path) -> None:
    with small(tmp_path) as (con, warehouse):
        scored(con, WEEKS[0], BEFORE)
        found = report(con, warehouse, WEEKS[1], silent)
        text = page(found)
    assert found["headlines"][2]["answer"] == "There is nothing to rank"
    assert "performance" not in found["empty"]
    assert "0.0\u202f%" in text


def test_a_new_model_an_old_list_and_an_old_check_are_not_to_be_overlooked(tmp_path: Path) -> None:
    with small(tmp_path) as (con, warehouse):
        scored(con, WEEKS[0], BEFORE)
        scored(con, WEEKS[0] + timedelta(days=2), BEFORE, "other")
        checked(con, WEEKS[0], "events_7d", "OK", 0.3)
        found = report(con, warehouse, None, silent)
    told = " ".join(found["notes"])
    for words in ("from m to other", "The list is 12 days old", "Drift was last checked on 2025-01-10"):
        assert words in told
    assert len(band_columns(found["bands"], 960).marks) == 1


def test_a_log_that_fell_silent_and_a_broken_rule_are_told(tmp_path: Path) -> None:
    with small(tmp_path) as (con, warehouse):
        found = report(con, warehouse, WEEKS[2] + timedelta(days=5), silent)
    assert found["headlines"][3]["answer"] == "No, no event for 5 days"
    with world(tmp_path / "broken", [user(1), user(1, plan="paid")], [event(1, 1, "2025-01-02")]) as (con, warehouse):
        found = report(con, warehouse, None, silent)
    assert found["headlines"][3]["answer"] == "No, failed: user_id_duplicate"
    assert '<span class="flag">FAIL</span>' in page(found)


def test_what_landed_is_counted_with_what_did_not(tmp_path: Path) -> None:
    with small(tmp_path) as (con, _):
        rows = con.execute(
            "select source_table, landed_rows, quarantined_rows from landings_summary order by all"
        ).fetchall()
        volume = con.execute("select count(*), sum(total_events), sum(active_users) from daily_volume").fetchall()
    events = sum(len(own) for own in SEEN.values())
    assert rows == [("events", events, 0), ("users", len(SEEN), 0)]
    assert volume == [(23, events, events)]
    with world(tmp_path / "bad", [user(1)], [event(1, 1, "2025-01-02"), event(2, 1, "nonsense")]) as (con, _):
        rows = con.execute("select landed_rows, quarantined_rows, quarantined_values from landings_summary").fetchall()
    assert sorted(rows) == [(1, 0, 0), (1, 1, 1)]


def test_the_heat_map_has_the_worst_first_and_says_what_it_leaves_out() -> None:
    days = [date(2025, 1, 1) + timedelta(days=n) for n in range(SHOWN_DAYS + 3)]
    calm = [f"calm_{n:02}" for n in range(SHOWN_CALM + 4)]
    verdicts = {"was_bad": ["FAIL"] * 14 + ["OK"], "is_bad": ["OK"] * 14 + ["WARN"], **{n: ["OK"] * 15 for n in calm}}
    severity = {"OK": 1, "WARN": 2, "FAIL": 3}
    rows = [
        {"as_of_date": day, "name": name, "kind": "number", "verdict": own[place], "severity": severity[own[place]],
         "psi": 0.2, "floor_psi": 0.3, "message": "moved"}
        for name, own in verdicts.items() for place, day in enumerate(days)
    ]  # fmt: skip
    found = heat(rows)
    assert [line.name for line in found.lines] == ["is_bad", "was_bad", *calm[:SHOWN_CALM]]
    assert (found.hidden, found.hidden_loud, found.earlier_days) == (4, 0, 3)
    assert [cell.kind for cell in found.lines[0].cells] == ["still"] * 11 + ["warn"]
    assert found.lines[1].cells[0].text == "2025-01-04: FAIL, PSI 0.200, floor 0.300. moved"


def test_what_was_not_watched_or_compared_has_an_empty_cell() -> None:
    common = {"kind": "score", "psi": None, "floor_psi": None, "message": "not scored"}
    rows = [
        {"as_of_date": date(2025, 1, 1), "name": "churn_risk", "verdict": None, "severity": 0, **common},
        {"as_of_date": date(2025, 1, 2), "name": "other", "verdict": "OK", "severity": 1, **common},
    ]
    lines = {line.name: line for line in heat(rows).lines}
    assert [cell.text for cell in lines["churn_risk"].cells] == ["2025-01-01: not scored", "2025-01-02: not checked"]
    assert [cell.kind for cell in lines["other"].cells] == ["none", "ok"]


def test_of_a_day_that_was_checked_for_two_models_the_newest_check_counts(tmp_path: Path) -> None:
    with small(tmp_path) as (con, _):
        checked(con, WEEKS[0], "events_7d", "FAIL", 0.3)
        con.execute("update drift_reports set model_version = 'old', checked_at = checked_at - interval 1 hour")
        checked(con, WEEKS[0], "logins_3d", "OK", 0.1)
        assert con.execute("select name, model_version from drift_history").fetchall() == [("logins_3d", "m")]


@pytest.mark.parametrize(("value", "end"), [(0, 1), (1, 1), (0.11, 0.12), (112, 120), (0.7, 0.8), (9999, 10000)])
def test_axes_end_at_round_numbers(value: float, end: float) -> None:
    assert ceiling(value) == pytest.approx(end)


def test_everything_is_drawn_inside_of_its_chart(full: dict[str, Any]) -> None:
    for metric in ("pr_auc", "churn_rate"):
        drawn = history(full["performance"], metric)
        for one in (*drawn.known, *drawn.pending, *drawn.rule):
            assert 0 <= one.x <= drawn.frame.width
            assert all(at is None or 0 <= at <= drawn.frame.height for at in (one.y, one.low, one.high))
    for width in (960, 360):
        for bar in band_columns(full["bands"], width).bars:
            assert 0 <= bar.x <= bar.x + bar.width <= width


def test_the_command_writes_both_files_and_says_where(
    own: Warehouse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    latest = own.reports / "report_latest.html"
    for words in ([], ["--out", str(tmp_path / "one.html")]):
        latest.unlink(missing_ok=True)
        with pytest.raises(SystemExit, match="0"):
            main(["--warehouse", str(own.root), "report", *words])
        told = Path(capsys.readouterr().out.strip())
        assert told.read_text(encoding="utf-8") == latest.read_text(encoding="utf-8")
        assert told.name in ("one.html", f"report_{newest(own)}.html")
    assert "<code>report</code>" in latest.read_text(encoding="utf-8")


def newest(warehouse: Warehouse) -> date:
    with working(warehouse, "test") as con:
        found: date = con.execute("select max(as_of_date) from scored_days").fetchall()[0][0]
    return found


def test_the_command_prints_the_content_as_data_and_asking_again_changes_nothing(
    own: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    for _ in range(2):
        with pytest.raises(SystemExit, match="0"):
            main(["--warehouse", str(own.root), "report", "--json"])
        told.append(json.loads(capsys.readouterr().out))
    for one in told:
        assert one.pop("file").endswith(".html")
        one["health"].pop("runs")
    assert told[0] == told[1]
    assert len(told[0]["ranked"]) == own.settings.scoring.top_k


def test_a_warehouse_that_is_not_built_has_no_report(tmp_path: Path) -> None:
    warehouse = open_warehouse(parse_settings(OPTIONS, "test"), tmp_path)
    land_rows(warehouse, "users", [user("a")])
    land_rows(warehouse, "events", [event(1, "a", "2025-01-02")])
    with working(warehouse, "test") as con, pytest.raises(WarehouseError, match="has not been built"):
        report(con, warehouse, None, silent)


def test_what_breaks_lines_well_escapes_too() -> None:
    assert dated(f"{EVIL} on 2025-01-01") == f'{ESCAPED} on <span class="whole">2025-01-01</span>'
    assert breakable(f"a_{EVIL}") == f"a_<wbr>{ESCAPED}"


def test_a_list_that_may_be_no_better_than_silence_is_told_loudly(full: dict[str, Any]) -> None:
    rows = [row for row in full["performance"] if row["metric"] == "pr_auc"]
    for own, grade in ((0.3, "good"), (-0.1, "bad")):
        rows[1] |= {"realised": 0.6, "realised_low": 0.5, "realised_high": 0.7, "recency_rule": 0.5, "expected": 0.6}
        rows[1]["gain_low"] = own
        found = headlines(full | {"performance": rows})[2]
        assert found["grade"] == grade
    assert found["answer"] == "Not proven to beat the recency rule"
    rows[1] |= {"recency_rule": 0.7}
    assert headlines(full | {"performance": rows})[2]["answer"].startswith("No better than calling")
    rows[1] |= {"recency_rule": 0.3, "gain_low": 0.1, "expected": 0.8}
    assert headlines(full | {"performance": rows})[2]["answer"] == "Worse than its test predicted"
