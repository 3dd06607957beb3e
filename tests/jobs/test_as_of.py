"""Every stage works at the as-of date that it is given, whichever date another stage worked at before it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from churn_duck.jobs.daily import daily
from churn_duck.monitoring.drift import drift, report
from churn_duck.monitoring.performance import performance
from churn_duck.monitoring.retraining_triggers import triggers
from churn_duck.pages.report.content import report as page_content
from churn_duck.scoring.distribution import score_proxy
from churn_duck.scoring.score import score
from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.build import build
from churn_duck.warehouse.store import Warehouse, working
from tests.conftest import silent
from tests.worlds import event, land_rows

Stage = Callable[[duckdb.DuckDBPyConnection, Warehouse, date], Any]
STAGES: dict[str, Stage] = {
    "score": lambda con, warehouse, day: score(con, warehouse, day, None, silent),
    "score_proxy": score_proxy,
    "drift": lambda con, warehouse, day: report(con, drift(con, warehouse, day, silent)),
    "performance": lambda con, warehouse, day: performance(con, warehouse, day, silent),
    "triggers": triggers,
    "report": lambda con, warehouse, day: page_content(con, warehouse, day, silent),
}


@pytest.fixture
def con(own: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse of a run, with two more days of events, scored on both ends of them."""
    with working(own, "test") as connection:
        day = period_end(connection)
        late = [event(99_000_000 + number, 1, f"{day + timedelta(days=number)}T05:00:00") for number in (1, 2)]
        land_rows(own, "events", late, "late")
        list(build(connection, own))
        score(connection, own, day + timedelta(days=2), None, silent)
        score(connection, own, day, None, silent)
        set_as_of_date(connection, own, None)
        yield connection


def period_end(con: duckdb.DuckDBPyConnection) -> date:
    end: date = con.execute("select as_of_date from period").fetchall()[0][0]
    return end


def test_daily_works_at_its_as_of_date_although_later_days_are_there_and_scored(
    own: Warehouse, con: duckdb.DuckDBPyConnection
) -> None:
    day = period_end(con) - timedelta(days=2)
    result = daily(con, own, day, silent)
    assert result.scored.as_of_date == result.drift.as_of_date == result.performance["as_of_date"] == day
    assert result.report.name == f"report_{day}.html"
    assert result.triggers is not None
    assert result.triggers.days_since_training == 0
    for name in ("score_proxy", "data_drift", "performance"):
        assert json.loads((own.reports / f"{name}_latest.json").read_text())["as_of_date"] == str(day), name


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_a_stage_alone_returns_what_it_returns_after_a_stage_at_another_date(
    own: Warehouse, con: duckdb.DuckDBPyConnection, stage: Stage
) -> None:
    later = period_end(con)
    day = later - timedelta(days=2)
    set_as_of_date(con, own, day)
    expected = stage(con, own, day)
    performance(con, own, later, silent)
    assert stage(con, own, day) == expected
    assert period_end(con) == day
