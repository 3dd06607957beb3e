"""Which days train and which test: spread over weekdays, purged, on recorded days only, by user where days are few."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.worlds import builds_until, event, user, world

START = date(2024, 1, 1)
USERS = 12


@contextmanager
def daily_log(
    tmp_path: Path, days: int, is_logged: Callable[[date], bool] = lambda day: True, **settings: object
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Twelve users who come every day, on the days that were logged."""
    dates = [START + timedelta(days=number) for number in range(days)]
    rows = [
        event(number * 100 + someone, someone, f"{day}T23:30:00")
        for number, day in enumerate(dates)
        if is_logged(day)
        for someone in range(1, USERS + 1)
    ]
    with (
        builds_until("50_training/20"),
        world(tmp_path, [user(someone, START) for someone in range(1, USERS + 1)], rows, **settings) as (con, _),
    ):
        yield con


def snapshots(con: duckdb.DuckDBPyConnection) -> Sequence[tuple[date, str]]:
    return con.execute("select as_of_date, split from training_snapshots order by as_of_date").fetchall()


@pytest.mark.parametrize("every", [5, 7, 14])
def test_snapshots_meet_every_weekday_and_hold_the_newest_labelled_day(tmp_path: Path, every: int) -> None:
    with daily_log(tmp_path, 400, training={"snapshot_every_days": every}) as con:
        days = [day for day, _ in snapshots(con)]
    assert {day.weekday() for day in days} == set(range(7))
    assert days[-1] == START + timedelta(days=399 - 30)
    assert len(days) == pytest.approx(370 / every, abs=1.5)


def test_the_test_part_is_a_year_at_most(tmp_path: Path) -> None:
    with daily_log(tmp_path, 1100, training={"test_size": 0.5}) as con:
        tested = [day for day, split in snapshots(con) if split == "test"]
    assert timedelta(days=350) < tested[-1] - tested[0] < timedelta(days=365)


def test_a_log_of_one_horizon_and_a_day_holds_users_out(tmp_path: Path) -> None:
    with daily_log(tmp_path, 31) as con:
        assert snapshots(con) == [(START, "by_user")]
        parts = con.execute("select user_id, split from training_dataset order by user_id").fetchall()
        tested = con.execute("select user_id from evaluation_dataset order by user_id").fetchall()
    assert {split for _, split in parts} == {"train", "test"}
    assert tested == [(someone,) for someone, split in parts if split == "test"]


def test_a_gap_is_named_and_its_days_give_no_labels(tmp_path: Path) -> None:
    first, last = START + timedelta(days=100), START + timedelta(days=120)
    with daily_log(tmp_path, 300, lambda day: not first <= day <= last) as con:
        gaps = con.execute("select first_gap_date, last_gap_date, gap_days, total_events from logging_gaps").fetchall()
        labelled = [row[0] for row in con.execute("select distinct as_of_date from training_dataset").fetchall()]
        daily = con.execute("select distinct as_of_date from labels_daily order by 1").fetchall()
    assert gaps == [(first, last, 21, 0)]
    # three of thirty days may be missing
    blind = [first - timedelta(days=26) + timedelta(days=number) for number in range(72)]
    assert labelled
    assert not set(labelled) & set(blind)
    assert (first - timedelta(days=20),) not in daily
    assert (last + timedelta(days=40),) in daily


def test_quiet_weekends_and_a_growing_business_are_no_gaps(tmp_path: Path) -> None:
    with daily_log(tmp_path, 200, lambda day: day.weekday() < 5) as con:
        assert con.execute("select count(*) from logging_gaps").fetchall() == [(0,)]


def test_lead_days_decide_nothing(tmp_path: Path) -> None:
    with daily_log(tmp_path, 60, churn={"window_days": 10, "lead_days": 5}) as con:
        dates = con.execute("select min(as_of_date), max(as_of_date) from labels_daily").fetchall()
        active = con.execute("select distinct future_active_days from labels_daily").fetchall()
    assert dates == [(START, START + timedelta(days=59 - 15))]
    assert active == [(10,)]
