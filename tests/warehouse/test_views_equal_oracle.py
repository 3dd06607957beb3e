"""Every feature and label, against the definitions written out row by row."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from churn_duck.settings.load import parse_settings
from churn_duck.settings.schema import EVENT_TYPES
from churn_duck.settings.view_columns import feature_columns
from tests.warehouse import oracle
from tests.worlds import EVERY_DAY, builds_until, event, user, world

START = date(2025, 1, 1)
ATTRIBUTES = {"plan", "is_paid", "country", "marketing_source", "engagement_score"}


@pytest.fixture(scope="module", autouse=True)
def no_models() -> Iterator[None]:
    with builds_until("50_training"):
        yield


moments = st.builds(
    lambda day, second: datetime(2025, 1, 1) + timedelta(days=day, seconds=second),
    st.integers(0, 20),
    st.integers(0, 86_399),
)
events = st.lists(
    st.fixed_dictionaries(
        {
            "user_id": st.integers(1, 3),
            "event_time": moments,
            "event_type": st.sampled_from(EVENT_TYPES),
            "watch_minutes": st.floats(0, 300, allow_nan=False).map(lambda x: round(x, 3)),
            "quiz_score": st.none() | st.floats(0, 100).map(lambda x: round(x, 2)),
        }
    ),
    min_size=1,
    max_size=40,
)
signups = st.lists(st.integers(-40, 25), min_size=3, max_size=3)


# no shrinking: each example builds a warehouse, and a short log is readable as it is
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
log = settings(max_examples=12, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])
OWN: dict[str, Any] = {
    "users": {"id_type": "text", "attributes": []},
    "measures": [
        {"name": "visits"},
        {"name": "spent", "events": ["buy"], "aggregate": "sum", "column": "price"},
        {"name": "dearest", "events": ["buy", "return"], "aggregate": "max", "column": "price"},
        {"name": "usual", "events": ["buy"], "aggregate": "avg", "column": "price"},
        {"name": "products", "aggregate": "distinct", "column": "product"},
        {"name": "complaints", "events": ["complain"], "activity": False},
    ],
    "ratios": [{"name": "complaint_share", "part": ["complaints"], "whole": ["visits"], "window_days": 5}],
}
own_events = st.lists(
    st.fixed_dictionaries(
        {
            "user_id": st.sampled_from(["a b", "ä", "9"]),
            "event_time": moments,
            "event_type": st.sampled_from(["look", "buy", "return", "complain"]),
            "price": st.none() | st.floats(-50, 300, allow_nan=False).map(lambda x: round(x, 2)),
            "product": st.none() | st.sampled_from(["p", "q", "P", "q r"]),
        }
    ),
    min_size=1,
    max_size=40,
)


@log
@given(rows=events, signup=signups, windows=st.sampled_from([[3, 5], [1, 7, 30]]), horizon=st.integers(1, 8))
def test_features_and_labels_equal_the_definitions_on_any_log(
    rows: list[dict[str, object]], signup: list[int], windows: list[int], horizon: int
) -> None:
    users = [user(i + 1, START + timedelta(days=days)) for i, days in enumerate(signup)]
    options = {**EVERY_DAY, "features": {"windows_days": windows, "exclude": []}, "churn": {"window_days": horizon}}
    assert_equal(users, rows, options)


@log
@given(
    rows=own_events,
    activity=st.sampled_from([None, ["buy"], ["buy", "return"]]),
    periods=st.sampled_from([31, 4]),
)
def test_measures_of_ones_own_equal_the_definitions_too(
    rows: list[dict[str, object]], activity: list[str] | None, periods: int
) -> None:
    users = [{"user_id": name, "signup_date": START} for name in ("a b", "ä", "9")]
    churn = {"window_days": 4, "activity": activity}
    options = {**EVERY_DAY, **OWN, "features": {"windows_days": [2, 5]}, "churn": churn}
    # many short periods must make the same table as one
    with patch.multiple("churn_duck.warehouse.incremental", PERIOD_DAYS=periods, FEW_EVENTS=1):
        assert_equal(users, rows, options)


def assert_equal(users: list[dict[str, object]], rows: list[dict[str, object]], options: dict[str, Any]) -> None:
    """Every feature of every user and day, and every label, as the oracle has them; and both macros alike."""
    numbered = [{"event_id": i, **row} for i, row in enumerate(rows)]
    signups_of = {one["user_id"]: one["signup_date"] for one in users}
    asked = parse_settings(options, "test")
    columns = [name for name in feature_columns(asked) if name not in ATTRIBUTES]
    with tempfile.TemporaryDirectory() as folder, world(Path(folder), users, numbered, **options) as (con, _):
        first, last = con.execute("select first_event_date, last_event_date from period").fetchall()[0]
        found = con.execute(f"select user_id, as_of_date, {', '.join(columns)} from user_features_daily").fetchall()
        labels = {row[:2]: row[2:] for row in con.execute("from labels_daily").fetchall()}
    assert len(found) == 3 * ((last - first).days + 1)
    for user_id, as_of, *values in found:
        days = oracle.by_day(rows, user_id)
        expected = oracle.features(days, signups_of[user_id], as_of, asked)  # type: ignore[arg-type]
        actual = dict(zip(columns, values, strict=True))
        assert {k for k, v in actual.items() if v is None} == {k for k, v in expected.items() if v is None}
        known = {name: value for name, value in expected.items() if value is not None}
        assert {name: actual[name] for name in known} == pytest.approx(known, rel=1e-9, abs=1e-9)
        horizon = asked.churn.window_days
        if as_of + timedelta(days=horizon) > last:
            assert (user_id, as_of) not in labels
        else:
            ahead = oracle.future_active_days(days, as_of, horizon, asked)
            assert labels[user_id, as_of] == (ahead, int(ahead == 0))


@log
@given(rows=own_events, days=st.sampled_from([3, 9]))
def test_eligible_features_are_those_rows_of_user_features_that_are_eligible(
    rows: list[dict[str, object]], days: int
) -> None:
    users = [{"user_id": name, "signup_date": START + timedelta(days=3)} for name in ("a b", "ä", "9")]
    options = {**OWN, "features": {"windows_days": [2, 5]}, "population": {"active_within_days": days}}
    numbered = [{"event_id": i, **row} for i, row in enumerate(rows)]
    dates = "(select list(calendar.as_of_date) from calendar)"
    with tempfile.TemporaryDirectory() as folder, world(Path(folder), users, numbered, **options) as (con, _):
        eligible, kept = (
            con.execute(f"from {query} order by user_id, as_of_date").fetchall()
            for query in (f"eligible_features({dates})", f"user_features({dates}) where is_eligible")
        )
    assert eligible == kept


def test_a_day_is_in_the_look_back_or_in_the_label_and_never_in_both(tmp_path: Path) -> None:
    days = ["2025-01-01", "2025-01-10", "2025-01-11", "2025-02-20"]
    rows = [event(i, 1, f"{day}T12:00:00") for i, day in enumerate(days)]
    with world(tmp_path, [user(1)], rows, **EVERY_DAY, churn={"window_days": 10}) as (con, _):
        on_the_day = con.execute(
            "select user_id, as_of_date, future_active_days, churn_label from user_labels([date '2025-01-10'])"
        ).fetchall()
        seen = con.execute("select active_days_7d from user_features([date '2025-01-10'])").fetchall()
        edge = con.execute(
            "select future_active_days from user_labels([date '2025-02-09', date '2025-02-10']) order by as_of_date"
        ).fetchall()
        too_late = con.execute("from user_labels([date '2025-02-11'])").fetchall()
    assert on_the_day == [(1, date(2025, 1, 10), 1, 0)]
    assert seen == [(1,)]
    assert edge == [(0,), (1,)]
    assert too_late == []


def test_states_tell_future_new_active_and_lapsed_apart(tmp_path: Path) -> None:
    users = [user(1, "2025-02-01"), user(2), user(3), user(4)]
    rows = [event(1, 3, "2025-01-25T00:00:00"), event(2, 4, "2025-01-01T23:59:59"), event(3, 9, "2025-01-31T00:00:00")]
    rows.append(event(4, 1, "2025-02-10T00:00:00"))
    with world(tmp_path, users, rows) as (con, _):
        found = con.execute("""select user_id, state, is_eligible, days_since_last_activity
            from user_states([date '2025-01-31']) order by user_id""").fetchall()
        nearly = con.execute("select state from user_states([date '2025-01-30']) where user_id = 4").fetchall()
        eligible = con.execute("select user_id from eligible where as_of_date = date '2025-01-31'").fetchall()
    assert found == [(1, "future", False, 0), (2, "new", False, 30), (3, "active", True, 6), (4, "lapsed", False, 30)]
    assert nearly == [("active",)]
    assert eligible == [(3,)]
