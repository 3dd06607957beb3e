"""A build that only adds landings leaves what a build from nothing would: to the row, and to the hash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from churn_duck.errors import SqlError, WarehouseError
from churn_duck.ingestion.land import land_sources
from churn_duck.ingestion.validate import validate
from churn_duck.settings.config import Settings
from churn_duck.settings.load import parse_settings
from churn_duck.warehouse.build import build
from churn_duck.warehouse.catalog import REFRESHED, find
from churn_duck.warehouse.raw_files import landing_of
from churn_duck.warehouse.store import Warehouse, connected, open_warehouse
from tests.conftest import silent
from tests.test_reference import SHARED, needs_shared
from tests.worlds import builds_until, event, land_rows, user

OULAD = SHARED / "data" / "oulad"
FIRST = date(2025, 1, 1)
TABLES = ("landed_files", "superseded_events", "users_clean", "unknown_users", "user_activity", "user_history")
# a landing: users as (id, plan), events as (id, user, day, type), "" is a type of no use
LANDING = st.tuples(
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["free", "paid"])), max_size=3),
    st.lists(
        st.tuples(
            st.integers(1, 25), st.integers(1, 7), st.integers(0, 12), st.sampled_from(["login", "watch_video", ""])
        ),
        max_size=8,
    ),
)


def digest(con: duckdb.DuckDBPyConnection, table: str) -> str:
    """Of its rows, as texts in their order."""
    return str(
        con.execute(f"""
            select coalesce(md5(string_agg(line, chr(10) order by line)), '')
            from (select cast({table} as varchar) as line from {table})""").fetchall()[0][0]
    )


def digests(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    return {table: digest(con, table) for table in TABLES}


def land_one(warehouse: Warehouse, number: int, landing: tuple[Sequence[tuple], Sequence[tuple]]) -> None:  # type: ignore[type-arg]
    users, events = landing
    if users:
        land_rows(warehouse, "users", [user(name, plan=plan) for name, plan in users], f"-{number}")
    if events:
        rows = [event(name, who, FIRST + timedelta(days=day), kind) for name, who, day, kind in events]
        land_rows(warehouse, "events", rows, f"-{number}")


@pytest.fixture
def tables_only() -> Iterator[None]:
    """Builds stop after user_activity."""
    with builds_until("30_activity/30"):
        yield


def one_by_one_equals_from_nothing(landings: Sequence[tuple]) -> None:  # type: ignore[type-arg]
    with TemporaryDirectory() as root:
        warehouse = open_warehouse(Settings(), Path(root))
        land_rows(warehouse, "users", [user(8)], "-base")
        land_rows(warehouse, "events", [event(100 + day, 8, FIRST + timedelta(days=day)) for day in range(13)], "-base")
        for number, landing in enumerate(landings):
            land_one(warehouse, number, landing)
            with connected(warehouse) as con:
                list(build(con, warehouse))
        with connected(warehouse) as con:
            added = digests(con)
            list(build(con, warehouse, full=True))
            assert digests(con) == added


def tried(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )


@tried(10)
@given(landings=st.lists(LANDING, min_size=2, max_size=4))
def test_any_landings_built_one_by_one_equal_a_build_from_nothing(
    tables_only: None,
    landings: list[tuple],  # type: ignore[type-arg]
) -> None:
    one_by_one_equals_from_nothing(landings)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@tried(100)
@given(landings=st.lists(LANDING, min_size=2, max_size=8))
def test_many_more_landings_built_one_by_one_equal_a_build_from_nothing(
    tables_only: None,
    landings: list[tuple],  # type: ignore[type-arg]
) -> None:
    one_by_one_equals_from_nothing(landings)


@pytest.fixture
def growing(tables_only: None, tmp_path: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, Warehouse]]:
    """Five users with an event a day for twenty days, built."""
    warehouse = open_warehouse(Settings(), tmp_path)
    land_rows(warehouse, "users", [user(name) for name in range(1, 6)])
    days = [(name, day) for name in range(1, 6) for day in range(20)]
    land_rows(
        warehouse,
        "events",
        [event(name * 100 + day, name, FIRST + timedelta(days=day)) for name, day in days if name < 5]
        + [event(1, 9, FIRST)],
    )
    with connected(warehouse) as con:
        list(build(con, warehouse))
        yield con, warehouse


def changed(con: duckdb.DuckDBPyConnection) -> list[int]:
    return [(day - FIRST).days for (day,) in con.execute("from changed_days order by all").fetchall()]


def test_a_new_day_touches_that_day_alone(growing: tuple[duckdb.DuckDBPyConnection, Warehouse]) -> None:
    con, warehouse = growing
    land_rows(warehouse, "events", [event(900, 1, FIRST + timedelta(days=20))], "-day")
    list(build(con, warehouse))
    assert changed(con) == [20]


def test_a_late_event_touches_its_own_day_and_a_corrected_one_both(
    growing: tuple[duckdb.DuckDBPyConnection, Warehouse],
) -> None:
    con, warehouse = growing
    moved = event(103, 1, FIRST + timedelta(days=7))
    land_rows(warehouse, "events", [event(900, 1, FIRST + timedelta(days=15)), moved], "-late")
    list(build(con, warehouse))
    assert changed(con) == [3, 7, 15]
    days = con.execute("select activity_date, total_events from user_activity where user_id = 1").fetchall()
    counted = {(day - FIRST).days: events for day, events in days}
    assert (counted.get(3), counted[7], counted[15]) == (None, 2, 2)


def test_a_user_who_lands_after_their_events_brings_those_days(
    growing: tuple[duckdb.DuckDBPyConnection, Warehouse],
) -> None:
    con, warehouse = growing
    assert con.execute("from unknown_users").fetchall() == [(9,)]
    land_rows(warehouse, "users", [user(9)], "-met")
    list(build(con, warehouse))
    assert changed(con) == [0]
    assert con.execute("select activity_date from user_activity where user_id = 9").fetchall() == [(FIRST,)]
    assert con.execute("from unknown_users").fetchall() == []


def test_nothing_new_touches_nothing_and_other_settings_make_everything_anew(
    growing: tuple[duckdb.DuckDBPyConnection, Warehouse],
) -> None:
    con, warehouse = growing
    before = digests(con)
    list(build(con, warehouse))
    assert (changed(con), digests(con)) == ([], before)
    other = open_warehouse(parse_settings({"churn": {"activity": ["login"]}}, "test"), warehouse.root)
    list(build(con, other))
    assert changed(con) == list(range(20))


def test_a_raw_file_that_is_gone_makes_everything_anew(
    growing: tuple[duckdb.DuckDBPyConnection, Warehouse],
) -> None:
    con, warehouse = growing
    land_rows(warehouse, "events", [event(900, 1, FIRST + timedelta(days=20))], "-day")
    list(build(con, warehouse))
    warehouse.landed("events")[-1].unlink()
    list(build(con, warehouse))
    assert changed(con) == list(range(20))


@pytest.mark.usefixtures("tables_only")
def test_a_build_opens_the_files_that_came_and_those_of_the_changed_days_and_no_others(tmp_path: Path) -> None:
    """Users and events of a day are two landings; DuckDB learns the columns of a view from its first file."""
    warehouse = open_warehouse(Settings(), tmp_path)
    for day in range(10):
        land_one(warehouse, day, ([(day, "free")], [(day, day, day, "login")]))
    with connected(warehouse) as con:
        list(build(con, warehouse))
        land_one(warehouse, 10, ([(10, "free")], [(90, 10, 10, "login"), (91, 10, 3, "login")]))
        needless = {*range(3, 21)} - {8}
        files = [path for path in warehouse.root.glob("*/*/*.parquet") if landing_of(path.name) in needless]
        whole = {path: path.read_bytes() for path in files}
        for path in whole:
            path.write_text("this is no Parquet file")
        list(build(con, warehouse))
        assert (len(whole), changed(con)) == (2 * 17, [3, 10])
        added = digests(con)
        with pytest.raises(SqlError, match="magic bytes"):
            list(build(con, warehouse, full=True))
        for path, content in whole.items():
            path.write_bytes(content)
        list(build(con, warehouse, full=True))
        assert digests(con) == added


def test_validating_before_a_build_changes_nothing_of_what_it_leaves(
    growing: tuple[duckdb.DuckDBPyConnection, Warehouse],
) -> None:
    con, warehouse = growing
    land_rows(warehouse, "events", [event(900, 1, FIRST + timedelta(days=20))], "-day")
    validate(con, warehouse)
    list(build(con, warehouse))
    assert changed(con) == [20]
    added = digests(con)
    list(build(con, warehouse, full=True))
    assert digests(con) == added


def test_files_of_other_columns_are_refused_whether_they_or_the_settings_are_the_newer(
    growing: tuple[duckdb.DuckDBPyConnection, Warehouse],
) -> None:
    con, warehouse = growing
    other = open_warehouse(parse_settings({"measures": [{"name": "visits"}]}, "test"), warehouse.root)
    with pytest.raises(WarehouseError, match="1 of 1 events files landed as"):
        list(build(con, other))
    land_rows(other, "events", [event(900, 1, FIRST)], "-other")
    with pytest.raises(WarehouseError, match="1 of 2 events files landed as"):
        list(build(con, warehouse))


def test_the_ranges_of_a_file_are_those_of_its_events(growing: tuple[duckdb.DuckDBPyConnection, Warehouse]) -> None:
    con, _ = growing
    ranges = "first_event_id, last_event_id, first_event_time, last_event_time"
    said = con.execute(f"select {ranges} from landed_files order by source_table").fetchall()
    held = con.execute("select min(event_id), max(event_id), min(event_time), max(event_time) from raw_events")
    assert said == [*held.fetchall(), (None,) * 4]


@pytest.mark.usefixtures("tables_only")
def test_an_event_is_corrected_though_its_id_is_too_long_for_a_footer(tmp_path: Path) -> None:
    """Of ids beyond 255 letters a footer keeps the beginning, which is no bound."""
    warehouse = open_warehouse(parse_settings({"events": {"id_type": "text"}}, "test"), tmp_path)
    land_rows(warehouse, "users", [user(1)])
    for number, (name, day) in enumerate((("y" * 300, 1), ("y" * 299 + "z", 2), ("y" * 300, 3), ("a", 4))):
        land_rows(warehouse, "events", [event(name, 1, FIRST + timedelta(days=day))], f"-{number}")
        with connected(warehouse) as con:
            list(build(con, warehouse))
    with connected(warehouse) as con:
        assert con.execute("select count(*) from superseded_events").fetchall() == [(1,)]
        added = digests(con)
        list(build(con, warehouse, full=True))
        assert digests(con) == added


@pytest.mark.whole
def test_features_and_labels_after_weeks_of_landings_equal_those_of_one(tmp_path: Path, business: Path) -> None:
    """The invented business in weekly files, a tenth of the events a week late, beside one landing of everything."""
    con = duckdb.connect()
    con.execute(f"create table events as from '{business}/events.parquet'")
    weekly = open_warehouse(Settings(), tmp_path / "weekly")
    week = "date_diff('week', date '2024-01-01', cast(event_time as date)) + if(hash(event_id) % 10 = 0, 1, 0)"
    weeks = [row[0] for row in con.execute(f"select distinct {week} from events order by all").fetchall()]
    for number in weeks:
        file = tmp_path / f"events-{number}.parquet"
        con.execute(f"copy (select * from events where {week} = {number}) to '{file}'")
        users = str(business / "users.parquet") if number == weeks[0] else None
        land_sources(weekly, users, str(file), silent)
        if number in (weeks[9], *weeks[-2:]):
            with connected(weekly) as built:
                list(build(built, weekly))
                days = built.execute("select count(*) from changed_days").fetchall()[0][0]
    assert days <= 14
    whole = open_warehouse(Settings(), tmp_path / "whole")
    land_sources(whole, str(business / "users.parquet"), str(business / "events.parquet"), silent)
    with connected(whole) as full, connected(weekly) as built:
        list(build(full, whole))
        for name in ("user_activity", "training_dataset", "scoring_dataset"):
            assert digest(built, name) == digest(full, name)


def test_every_refreshed_table_is_one_that_a_build_makes() -> None:
    assert {find(name).kind for name in REFRESHED} == {"table"}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@needs_shared
def test_a_real_log_landed_month_by_month_with_late_and_corrected_events_equals_one_build(tmp_path: Path) -> None:
    """Each month a tenth of the events comes a month late, and one in fifty once more, a day later."""
    con = duckdb.connect()
    con.execute(f"""create table events as
        select *, cast(date_trunc('month', event_time) as date) as month, hash(event_id) % 100 as lot
        from '{OULAD}/events.parquet'""")
    months = [row[0] for row in con.execute("select distinct month from events order by all").fetchall()]
    warehouse = open_warehouse(Settings(), tmp_path)
    for number, month in enumerate(months):
        before = months[max(0, number - 1)]
        con.execute(f"""copy (
            select * exclude (month, lot) from events where month = '{month}' and lot >= 10
            union all
            select * exclude (month, lot) from events where month = '{before}' and lot < 10 and {number} > 0
            union all
            select * exclude (month, lot) replace (event_time + interval 1 day as event_time)
            from events where month = '{before}' and lot between 50 and 51 and {number} > 0
        ) to '{tmp_path}/{number}.parquet'""")
        users = str(OULAD / "users.parquet") if number == 0 else None
        land_sources(warehouse, users, f"{tmp_path}/{number}.parquet", silent)
        with connected(warehouse) as built:
            list(build(built, warehouse))
    with connected(warehouse) as built:
        assert 0 < built.execute("select count(*) from changed_days").fetchall()[0][0] < 90
        names = [*TABLES, "training_dataset", "scoring_dataset"]
        added = {name: digest(built, name) for name in names}
        assert built.execute("select count(*) from superseded_events").fetchall()[0][0] > 10_000
        list(build(built, warehouse, full=True))
        assert {name: digest(built, name) for name in names} == added
