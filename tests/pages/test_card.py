"""A model card holds what SQL says, fetches nothing, trusts no word, and is loud where a model fails."""

from __future__ import annotations

import json
import re
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
from churn_duck_cli.main import main

from churn_duck.errors import ModelError
from churn_duck.evaluation.evaluate import evaluate
from churn_duck.jobs.run import Ran
from churn_duck.model.registry import find_version
from churn_duck.pages.card.charts import parts, timeline
from churn_duck.pages.card.content import card, write_card
from churn_duck.pages.card.page import page
from churn_duck.pages.charts import months
from churn_duck.pages.html import number, percent
from churn_duck.settings.load import parse_settings
from churn_duck.training.train import train
from churn_duck.warehouse.build import build
from churn_duck.warehouse.store import Warehouse, open_warehouse, working
from tests.conftest import silent
from tests.pages.html import ESCAPED, EVIL, Tags, needs_nothing


@pytest.fixture
def content(looking: duckdb.DuckDBPyConnection, ran: tuple[Warehouse, Ran]) -> dict[str, Any]:
    """The card of production."""
    return card(looking, ran[0], find_version(looking, ran[0], None))


def named(content: dict[str, Any]) -> str:
    return str(content["model"]["model_version"])


def rounded(content: Any) -> Any:
    """The same with floats to nine digits: sums of doubles differ in the last digit with the order of the threads."""
    if isinstance(content, dict):
        return {key: rounded(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [rounded(value) for value in content]
    return round(content, 9) if isinstance(content, float) else content


def test_the_page_needs_nothing_but_itself(content: dict[str, Any]) -> None:
    needs_nothing(page(content))


def test_the_page_can_be_read_without_seeing_it(content: dict[str, Any]) -> None:
    tags = Tags(page(content)).found
    assert ("html", {"lang": "en"}) in tags
    assert {"header", "main", "footer"} <= {name for name, _ in tags}
    assert all("scope" in attributes for name, attributes in tags if name == "th")
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    charts = [attributes for name, attributes in tags if name == "svg" and "aria-hidden" not in attributes]
    assert len(charts) == 5
    assert all(set(str(one["aria-labelledby"]).split()) <= set(ids) for one in charts)
    assert len(ids) == len(set(ids))


def test_every_figure_is_that_of_the_evaluation(looking: duckdb.DuckDBPyConnection, content: dict[str, Any]) -> None:
    rows = looking.execute(
        "select population, scorer, metric, value, low, high from evaluation(?, ?)",
        [named(content), content["capacity"]],
    ).fetchall()
    places = {"model": lambda own: own, "raw": lambda own: own["raw"]}
    for population, scorer, metric, value, low, high in rows:
        own = content["figures"][population]
        if scorer == "rows":
            assert own[metric.removeprefix("test_")] == pytest.approx(value)
            continue
        figures = places.get(scorer, lambda own, scorer=scorer: own[scorer])(own)
        assert figures[metric] == pytest.approx(value)
        assert figures["intervals"].get(metric) == (None if low is None else [low, high])
    assert len(rows) > 60


def test_curves_calls_slices_and_the_matrix_are_those_of_sql(
    looking: duckdb.DuckDBPyConnection, content: dict[str, Any]
) -> None:
    version = named(content)
    curve = looking.execute(
        """select share_called, share_found from gain_curve(?)
        where population = 'eligible' and scorer = 'model' order by hundredth""",
        [version],
    ).fetchall()
    calls = looking.execute("select population, scorer, rows_called from calls_needed(?, 0.5)", [version]).fetchall()
    slices = looking.execute("from slices(?) order by sliced_by, place", [version]).fetchall()
    matrix = looking.execute(
        """select count(*) from test_scores where model_version = ? and is_eligible
        group by churn_label, churn_risk >= 0.5 order by churn_label, churn_risk >= 0.5""",
        [version],
    ).fetchall()
    assert rounded(content["gain_curve"]["eligible"]["model"]) == rounded(curve)
    assert all(content["calls_needed"][where][who]["rows_called"] == pytest.approx(n) for where, who, n in calls)
    assert rounded([tuple(row.values()) for row in content["slices"]]) == rounded(slices)
    assert list(chain(*content["confusion_matrix"])) == [n for (n,) in matrix]


def test_gain_curves_rise_from_nothing_to_everything(content: dict[str, Any]) -> None:
    for curves in content["gain_curve"].values():
        assert set(curves) == {"model", "recency_rule", "base_rate"}
        for points in curves.values():
            assert points[0] == (0, 0)
            assert points[-1] == pytest.approx((1, 1))
            assert all(before[1] <= after[1] + 1e-12 for before, after in pairwise(points))
        assert all(called == pytest.approx(found) for called, found in curves["base_rate"])


def test_half_of_the_churners_are_found_where_the_curve_says(content: dict[str, Any]) -> None:
    for population, scorers in content["calls_needed"].items():
        for scorer, needed in scorers.items():
            curve = content["gain_curve"][population][scorer]
            below = max(called for called, found in curve if found <= 0.5)
            assert below <= needed["share_called"] <= below + 0.01 + 1e-12
        assert scorers["base_rate"]["share_called"] == pytest.approx(0.5)


def test_slices_sum_to_the_whole(content: dict[str, Any]) -> None:
    own, slices = content["figures"]["eligible"], content["slices"]
    names = {row["sliced_by"] for row in slices}
    assert names == {"plan", "country", "marketing_source", "days since signup"}
    for name in names:
        rows = [row for row in slices if row["sliced_by"] == name]
        assert sum(row["test_rows"] for row in rows) == own["rows"]
        assert sum(row["churners"] for row in rows) == round(own["rows"] * own["churn_rate"])
        assert all(row["gap_low"] <= row["gap"] <= row["gap_high"] for row in rows)
        assert all(row["is_small"] == (row["test_rows"] < 100 or row["churners"] < 10) for row in rows)


def test_of_many_levels_the_largest_eight_stand_alone(own: Warehouse) -> None:
    with working(own, "test") as con:
        con.execute("update users_clean set country = 'c' || hash(user_id) % 30")
        version = named(card(con, own, find_version(con, own, None)))
        rows = con.execute(
            "select slice, test_rows from slices(?) where sliced_by = 'country' order by place", [version]
        ).fetchall()
    sizes = [n for _, n in rows[:8]]
    assert len(rows) == 9
    assert rows[-1][0] == "all others"
    assert sizes == sorted(sizes, reverse=True)


def test_what_somebody_typed_is_shown_and_not_run(own: Warehouse) -> None:
    with working(own, "test") as con:
        con.execute("update users_clean set country = ?", [EVIL])
        con.execute("update promotions set reason = ?", [EVIL])
        text = page(card(con, own, find_version(con, own, None)))
    assert EVIL not in text
    assert text.count(ESCAPED) >= 2


def test_a_model_that_fails_says_so_loudly(own: Warehouse) -> None:
    with working(own, "test") as con:
        version = find_version(con, own, None)
        con.execute("update test_scores set churn_risk = (29.5 - least(days_since_last_activity, 29)) / 30")
        evaluate(con, version.model_version, version.metrics["capacity"], 1, 100)
        found = card(con, own, version)
    assert [verdict["grade"] for verdict in found["verdicts"]] == ["bad"] * 3
    assert found["verdicts"][0]["answer"] == "No: the recency rule ranks as well"
    assert found["verdicts"][1]["answer"].startswith("No: worse than predicting the base rate for everybody")
    text = page(found)
    assert text.count('<article class="verdict bad">') == 3
    assert "It does not beat the recency rule beyond its interval" in text


def test_a_model_that_was_never_calibrated_or_promoted_has_a_card(own: Warehouse) -> None:
    with working(own, "test") as con:
        version = find_version(con, own, None)
        con.execute("delete from promotions")
        version.metrics["calibration"] |= {"sigmoid": None, "refused": "there is no room"}
        found = card(con, own, version)
    text = page(found)
    assert found["production"] is None
    assert "Not calibrated: there is no room." in found["warnings"]
    assert "It has never been in production." in text
    assert "Not in production. No model is." in text


def test_little_evidence_and_a_sample_of_the_users_are_told(content: dict[str, Any]) -> None:
    from churn_duck.pages.card.text import limits, warnings

    eligible = content["figures"]["eligible"] | {"rows": 200, "churn_rate": 0.2}
    few = content | {
        "figures": content["figures"] | {"eligible": eligible},
        "test": content["test"] | {"snapshots": 1},
        "data": content["data"] | {"user_share": 0.25},
        "is_invented": True,
    }
    told = " ".join(warnings(few) + limits(few))
    for words in ("Only 40 test rows", "Tested on 1 of at least 3 dates", "random 25.0\u202f%", "demo data"):
        assert words in told
    assert "less than a year" in told


@pytest.mark.whole
def test_the_card_of_an_older_version_is_the_same_in_a_later_world(own: Warehouse) -> None:
    moving = ("production", "promotions")
    with working(own, "test") as con:
        version = find_version(con, own, None)
        before = card(con, own, version)
        other = open_warehouse(
            parse_settings({"churn": {"window_days": 21}, "training": {"snapshot_every_days": 14}}, "test"), own.root
        )
        list(build(con, other))
        newer = train(con, other, ("baseline_logreg",), None, silent)[0]
        after = card(con, other, version)
        assert len(card(con, other, newer)["split"]) < len(before["split"])
    assert rounded(dict(after, **dict.fromkeys(moving))) == rounded(dict(before, **dict.fromkeys(moving)))


def test_the_split_on_the_card_is_purged(content: dict[str, Any]) -> None:
    found = parts(content["split"])
    assert [part["kind"] for part in found] == ["fit", "purge", "calibrate", "purge", "test"]
    fit, calibrate, test = (found[place] for place in (0, 2, 4))
    assert fit["label_end"] < calibrate["first"]
    assert calibrate["label_end"] < test["first"]
    drawn = timeline(content["split"], 360)
    assert len(drawn.windows) == len(content["split"])
    assert all(0 <= one.x < one.end <= 360 for one in drawn.windows)
    assert [bound.text for bound in drawn.bounds] == ["calibration begins", "test begins"]


def test_months_are_labelled_as_far_as_there_is_room() -> None:
    from datetime import date

    first, last = date(2024, 1, 1), date(2026, 1, 1)
    assert [len(months(first, last, width)) for width in (1200, 360, 100)] == [24, 8, 2]


def test_a_version_without_its_split_has_no_card(own: Warehouse) -> None:
    with working(own, "test") as con:
        con.execute("delete from model_splits")
        with pytest.raises(ModelError, match="has no stored split, so no card can be written"):
            card(con, own, find_version(con, own, None))


def test_numbers_read_as_people_write_them() -> None:
    assert [percent(share) for share in (0, 0.0898, 0.00001, 0.99999, 1)] == [
        "0.0\u202f%",
        "9.0\u202f%",
        "below\u202f0.1\u202f%",
        "above\u202f99.9\u202f%",
        "100.0\u202f%",
    ]
    assert [number(value) for value in (-0.5, None)] == ["\u22120.500", "\u2013"]


def test_the_command_writes_the_page_and_prints_its_path(
    own: Warehouse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, path in (
        ([], own.reports / "model_card_{}.html"),
        (["--out", str(tmp_path / "one.html")], tmp_path / "one.html"),
    ):
        with pytest.raises(SystemExit, match="0"):
            main(["--warehouse", str(own.root), "card", *words])
        told = capsys.readouterr().out.strip()
        assert re.fullmatch(str(path).format(r"\w+"), told)
        assert Path(told).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_the_command_prints_the_content_as_data(own: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--warehouse", str(own.root), "card", "--json"])
    told = json.loads(capsys.readouterr().out)
    with working(own, "test") as con:
        found = card(con, own, find_version(con, own, None))
    assert told.pop("file").endswith(".html")
    assert rounded(told) == rounded(json.loads(json.dumps(found, default=str)))
    assert write_card(own, found).exists()
