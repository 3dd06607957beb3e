"""What the original's prepare stage promises, and what newer landings do to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from churn_duck.warehouse.build import build
from tests.worlds import builds_until, event, land_rows, user, world


@pytest.fixture(scope="module", autouse=True)
def no_models() -> Iterator[None]:
    with builds_until("50_training"):
        yield


def test_users_without_plan_are_dropped_and_the_first_row_of_a_user_counts(tmp_path: Path) -> None:
    users = [
        user(1, plan=""),
        user(1, "2025-01-02", " Paid\t", is_paid=""),
        user(1, "2025-01-03", "free"),
        user(2, "not a day"),
        user(3, plan="free", is_paid="true"),
    ]
    with world(tmp_path, users, [event(1, 1, "2025-01-05")]) as (con, _):
        found = con.execute(
            "select user_id, cast(signup_date as varchar), plan, is_paid from users_clean order by all"
        ).fetchall()
    assert found == [(1, "2025-01-02", "paid", 0), (3, "2025-01-01", "free", 1)]


def test_without_an_is_paid_column_the_plan_decides(tmp_path: Path) -> None:
    with world(tmp_path, [user(9)], [event(1, 9, "2025-01-05")]) as (con, warehouse):
        path = tmp_path / "more.csv"
        path.write_text("user_id,signup_date,plan\n1,2025-01-01,PAID\n2,2025-01-01,free\n")
        from churn_duck.ingestion.land import land

        list(land(warehouse, "users", str(path)))
        list(build(con, warehouse))
        found = con.execute("select user_id, is_paid from users_clean order by user_id").fetchall()
    assert found == [(1, 1), (2, 0), (9, 0)]


def test_the_first_row_of_an_event_counts_before_unknown_users_are_dropped(tmp_path: Path) -> None:
    rows = [
        event(1, 1, "2025-01-01T10:00:00", " LOGIN "),
        event(1, 1, "2025-01-02T10:00:00", "login"),
        event(2, 99, "2025-01-01T10:00:00"),
        event(2, 1, "2025-01-01T10:00:00"),
        event(3, 1, "2025-01-03T10:00:00", "video_watch", watch_minutes="abc"),
        event(4, 1, "2025-01-03T10:00:00", "   "),
    ]
    with world(tmp_path, [user(1)], rows) as (con, _):
        found = con.execute(
            "select event_id, event_type, watch_minutes, cast(event_date as varchar) from events_clean order by all"
        ).fetchall()
    assert found == [(1, "login", 0.0, "2025-01-01"), (3, "video_watch", 0.0, "2025-01-03")]


def test_a_newer_landing_updates_users_and_corrects_events(tmp_path: Path) -> None:
    first = [event(1, 1, "2025-01-01T10:00:00", "video_watch", watch_minutes=5)]
    with world(tmp_path, [user(1), user(2)], first) as (con, warehouse):
        land_rows(warehouse, "users", [user(1, plan="paid")], "2")
        land_rows(warehouse, "events", [event(1, 1, "2025-01-01T10:00:00", "video_watch", watch_minutes=7)], "2")
        list(build(con, warehouse))
        users = con.execute("select user_id, plan from users_clean order by user_id").fetchall()
        minutes = con.execute("select watch_minutes_sum from user_activity").fetchall()
    assert users == [(1, "paid"), (2, "free")]
    assert minutes == [(7.0,)]


def test_sums_are_the_same_in_any_order_and_with_any_number_of_threads(tmp_path: Path) -> None:
    rows = [
        event(i, 1 + i % 7, f"2025-01-{1 + i % 28:02d}T10:00:00", "video_watch", watch_minutes=i / 7 + 0.1)
        for i in range(3000)
    ]
    users = [user(i) for i in range(1, 8)]
    hashes = set()
    for turn, threads in enumerate((1, 2, 4)):
        order = rows if turn else rows[::-1]
        with world(tmp_path / str(turn), users, order, engine={"threads": threads}) as (con, _):
            found = con.execute("select * from user_features([date '2025-01-28']) order by user_id").fetchall()
            hashes.add(repr(found))
    assert len(hashes) == 1
