"""Files of any condition become typed Parquet, and nothing of them is lost."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from churn_duck.errors import LandingError, WarehouseError
from churn_duck.ingestion.land import land, land_sources
from churn_duck.settings.config import Settings
from churn_duck.warehouse.store import Warehouse, open_warehouse
from tests.worlds import event, land_rows, user, write_csv


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return open_warehouse(Settings(), tmp_path / "warehouse")


def raw(warehouse: Warehouse, table: str, columns: str) -> list[tuple[object, ...]]:
    return duckdb.sql(
        f"select {columns} from '{warehouse.raw(table)}/*.parquet' order by landing, source_row"
    ).fetchall()


def quarantined(warehouse: Warehouse, table: str) -> list[tuple[object, ...]]:
    files = f"{warehouse.quarantine(table)}/*.parquet"
    return duckdb.sql(
        f"select source_row, source_column, value, reason, row_is_kept from '{files}' order by all"
    ).fetchall()


def test_what_cannot_be_typed_goes_to_quarantine_with_its_reason_and_the_rest_of_the_row_stays(
    warehouse: Warehouse,
) -> None:
    rows = [
        event("1", "7", "2025-01-01T10:00:00", watch_minutes="12.5"),
        event("x2", "7", "2025-01-01T10:00:00"),
        event("3", "", "2025-01-01T10:00:00"),
        event("4", "7", "yesterday"),
        event("5", "7", "2025-01-01T10:00:00", watch_minutes="many", quiz_score="nan", amount="inf"),
        event("6", "7", "2025-01-01T10:00:00", event_type=""),
    ]
    land_rows(warehouse, "events", rows)
    assert raw(warehouse, "events", "event_id, watch_minutes, quiz_score") == [(1, 12.5, None), (5, None, None)]
    assert quarantined(warehouse, "events") == [
        (2, "event_id", "x2", "is not an integer; id_type: text takes any id", False),
        (3, "user_id", None, "is missing", False),
        (4, "event_time", "yesterday", "is not a time", False),
        (5, "amount", "inf", "is not a finite number", True),
        (5, "quiz_score", "nan", "is not a finite number", True),
        (5, "watch_minutes", "many", "is not a finite number", True),
        (6, "event_type", None, "is missing", False),
    ]


def test_numbers_and_times_are_read_as_people_write_them(warehouse: Warehouse) -> None:
    rows = [
        event("1.0", " 9007199254740993 ", "2025-01-01"),
        event("1e3", "2", "2025-01-01T10:00:00+02:00"),
        event("3", "2.5", "2025-01-01 10:00"),
        event("4", "2", "2025-02-30T00:00:00"),
    ]
    land_rows(warehouse, "events", rows)
    assert raw(warehouse, "events", "event_id, user_id, event_time") == [
        (1, 9007199254740993, datetime(2025, 1, 1)),
        (1000, 2, datetime(2025, 1, 1, 8)),
    ]
    assert [row[:3] for row in quarantined(warehouse, "events")] == [
        (3, "user_id", "2.5"),
        (4, "event_time", "2025-02-30T00:00:00"),
    ]


def test_a_line_that_is_no_row_is_kept_as_it_came(warehouse: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text('user_id,signup_date,plan\n1,2025-01-01,free\n2,2025-01-02,paid,extra\n3\n4,2025-01-04,"a, b"\n')
    (landed,) = land(warehouse, "users", str(path))
    assert raw(warehouse, "users", "user_id, plan") == [(1, "free"), (4, "a, b")]
    files = f"{warehouse.quarantine('users')}/*.parquet"
    kept = duckdb.sql(f"select row_text, row_is_kept from '{files}' order by all").fetchall()
    assert kept == [("2,2025-01-02,paid,extra", False), ("3", False)]
    assert (landed.rows, landed.quarantined_rows) == (2, 2)


def test_bad_lines_of_several_files_stay_apart(warehouse: Warehouse, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(f"user_id,signup_date\nbad\n{ord(name)},2025-01-01\nworse,\n")
    list(land(warehouse, "users", str(tmp_path / "?.csv")))
    rows = [row[0] for row in quarantined(warehouse, "users")]
    assert len(rows) == 6
    assert len({row for row in rows if row < 0}) == 2
    assert raw(warehouse, "users", "user_id") == [(97,), (98,)]


def test_users_and_events_of_one_command_are_one_landing(warehouse: Warehouse, tmp_path: Path) -> None:
    users = write_csv(tmp_path / "users.csv", "users", [user(1)])
    events = write_csv(tmp_path / "events.csv", "events", [event(1, 1, "2025-01-01")])
    land_sources(warehouse, str(users), str(events), lambda step: None)
    write_csv(users, "users", [user(2)])
    land_sources(warehouse, str(users), None, lambda step: None)
    assert raw(warehouse, "users", "landing, user_id") == [(1, 1), (2, 2)]
    assert raw(warehouse, "events", "landing, event_id") == [(1, 1)]


def test_landing_the_same_content_again_adds_nothing(warehouse: Warehouse, tmp_path: Path) -> None:
    first = write_csv(tmp_path / "users.csv", "users", [user(1)])
    second = write_csv(tmp_path / "copy.csv", "users", [user(1)])
    landed = [*land(warehouse, "users", str(first)), *land(warehouse, "users", str(second))]
    assert [item.already_landed for item in landed] == [False, True]
    assert raw(warehouse, "users", "user_id") == [(1,)]


def test_a_glob_lands_each_file_and_numbers_rows_through(warehouse: Warehouse, tmp_path: Path) -> None:
    for day in (2, 1):
        write_csv(
            tmp_path / f"day{day}.csv", "events", [event(day, 1, f"2025-01-0{day}"), event(day + 2, 1, "2025-01-09")]
        )
    assert [item.rows for item in land(warehouse, "events", str(tmp_path / "day*.csv"))] == [2, 2]
    assert raw(warehouse, "events", "landing, source_row, event_id") == [(1, 1, 1), (1, 2, 3), (1, 3, 2), (1, 4, 4)]


def test_parquet_keeps_its_types_and_zones_become_utc(warehouse: Warehouse, tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "user_id": [1],
            "signup_date": [date(2025, 1, 1)],
            "plan": ["free"],
            "is_paid": [True],
            "country": ["US"],
            "marketing_source": ["ads"],
        }
    )
    frame.write_parquet(tmp_path / "users.parquet")
    moment = pl.Series([datetime(2025, 1, 1, 23, 30, tzinfo=UTC)]).dt.convert_time_zone("America/New_York")
    pl.DataFrame({"event_id": [1], "user_id": [1.0], "event_time": moment, "event_type": ["login"]}).write_parquet(
        tmp_path / "events.parquet"
    )
    list(land(warehouse, "users", str(tmp_path / "users.parquet")))
    (landed,) = land(warehouse, "events", str(tmp_path / "events.parquet"))
    assert raw(warehouse, "users", "signup_date, is_paid") == [(date(2025, 1, 1), 1)]
    assert raw(warehouse, "events", "user_id, event_time") == [(1, datetime(2025, 1, 1, 23, 30))]
    assert landed.missing_columns == ["course_id", "watch_minutes", "quiz_score", "amount"]


def test_header_case_and_semicolons_and_columns_of_no_use_are_no_obstacle(warehouse: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text("\ufeffUser_ID; Signup_Date;Plan;nickname\n1;2025-01-01;free;Bo\n", encoding="utf-8")
    (landed,) = land(warehouse, "users", str(path))
    assert raw(warehouse, "users", "user_id, signup_date, plan") == [(1, date(2025, 1, 1), "free")]
    assert landed.ignored_columns == ["nickname"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("users.csv", "", "is empty"),
        ("users.csv", "user_id,plan\n1,free\n", "lacks signup_date"),
        ("users.xlsx", "x", "neither .csv, .parquet nor .jsonl"),
        ("users.parquet", "no parquet", "cannot read"),
        ("users.csv", b"user_id,signup_date,pl\xe4n\n", "must be UTF-8"),
    ],
)
def test_a_file_of_no_use_is_refused_by_name(
    warehouse: Warehouse, tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(LandingError, match=message) as error:
        list(land(warehouse, "users", str(path)))
    assert name in str(error.value)
    assert not list(warehouse.root.rglob("*.parquet"))


def test_a_pattern_that_matches_nothing_and_a_warehouse_without_events_say_so(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    with pytest.raises(LandingError, match="no file matches --users"):
        list(land(warehouse, "users", str(tmp_path / "*.csv")))
    land_rows(warehouse, "users", [user(1)])
    with pytest.raises(WarehouseError, match="no events have landed"):
        warehouse.raw_files()
