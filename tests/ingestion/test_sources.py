"""The same rows land from wherever they are: files, folders, JSON lines, a database, a bucket, a query."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
import s3fs
from adbc_driver_postgresql import dbapi

from churn_duck.errors import LandingError, WarehouseError
from churn_duck.ingestion.land import Landed, land, land_configured
from churn_duck.progress import no_progress
from churn_duck.settings.load import parse_settings
from churn_duck.warehouse.build import build
from churn_duck.warehouse.store import Warehouse, connected, open_warehouse
from tests.servers import Bucket, postgres, s3

USERS = [{"user_id": "u 1", "signup_date": "2025-01-01"}, {"user_id": "u 2", "signup_date": "2025-01-02"}]
EVENTS = [
    {"event_id": 1, "user_id": "u 1", "event_time": "2025-02-01 10:00:00", "event_type": "visit", "minutes": 1.5},
    {"event_id": 2, "user_id": "u 2", "event_time": "2025-02-02 11:00:00", "event_type": "visit", "minutes": None},
]
LANDED = [
    ("u 1", datetime(2025, 2, 1, 10), "visit", 1.5),
    ("u 2", datetime(2025, 2, 2, 11), "visit", None),
]
BUSINESS: dict[str, Any] = {
    "users": {"id_type": "text", "attributes": []},
    "measures": [{"name": "minutes", "aggregate": "sum", "column": "minutes"}],
}


def warehouse_of(tmp_path: Path, **settings: Any) -> Warehouse:
    return open_warehouse(parse_settings({**BUSINESS, **settings}, "test"), tmp_path / "w")


def land_from(tmp_path: Path, source: dict[str, Any] | str, **settings: Any) -> tuple[Warehouse, list[Landed]]:
    """Land events alone from a source."""
    warehouse = warehouse_of(tmp_path, sources={"events": source}, **settings)
    return warehouse, land_configured(warehouse, no_progress)


def rows(warehouse: Warehouse, table: str = "events", columns: str = "user_id, event_time, event_type, minutes") -> Any:
    files = [str(path) for path in warehouse.landed(table)]
    return duckdb.sql(f"select {columns} from read_parquet({files}) order by landing, source_row").fetchall()


def write_lines(path: Path, content: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in content))
    return path


def test_json_lines_land_like_tables_and_reach_into_objects(tmp_path: Path) -> None:
    nested = [{**row, "payload": {"minutes": row["minutes"]}} for row in EVENTS]
    path = write_lines(tmp_path / "e.jsonl", nested)
    assert rows(land_from(tmp_path, str(path))[0]) == LANDED
    source = {"path": str(path), "columns": {"minutes": "payload.minutes"}}
    assert rows(land_from(tmp_path / "nested", source)[0]) == LANDED


def test_a_line_that_is_no_json_is_kept_in_quarantine(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "e.jsonl", EVENTS)
    path.write_text('{"event_id": 1, oops\n' + path.read_text())
    warehouse, (landed,) = land_from(tmp_path, str(path))
    files = f"{warehouse.quarantine('events')}/*.parquet"
    kept = duckdb.sql(f"select source_column, row_text, row_is_kept from '{files}'").fetchall()
    assert (landed.rows, landed.quarantined_rows) == (2, 1)
    assert kept == [("(line)", '{"event_id": 1, oops', False)]


def test_a_folder_of_partitions_gives_its_keys_as_columns(tmp_path: Path) -> None:
    for row in EVENTS:
        place = tmp_path / "lake" / f"event_type={row['event_type']}" / f"user_id={row['user_id'].replace(' ', '%20')}"
        place.mkdir(parents=True)
        pl.DataFrame([row]).select("event_id", "event_time", "minutes").write_parquet(place / "part.parquet")
        (place / "_SUCCESS").touch()
    warehouse, landed = land_from(tmp_path, str(tmp_path / "lake"))
    assert len(landed) == 2
    assert rows(warehouse) == LANDED


def test_names_formats_constants_and_time_zones_are_configured(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text("nr;who;when;mins\n1;u 1;01.02.2025 11:00;1.5\n2;u 2;02.02.2025 12:00;\n")
    source = {
        "path": str(path),
        "columns": {"event_id": "nr", "user_id": "who", "event_time": "when", "minutes": "mins"},
        "formats": {"event_time": "%d.%m.%Y %H:%M"},
        "constants": {"event_type": "visit"},
        "time_zone": "Europe/Berlin",
    }
    assert rows(land_from(tmp_path, source)[0]) == LANDED


@pytest.mark.parametrize(
    ("zone", "written", "utc"),
    [
        ("UTC", "2025-07-01 12:00:00", datetime(2025, 7, 1, 12)),
        ("Europe/Berlin", "2025-07-01 12:00:00", datetime(2025, 7, 1, 10)),
        ("Europe/Berlin", "2025-01-01 12:00:00", datetime(2025, 1, 1, 11)),
        ("Europe/Berlin", "2025-07-01 12:00:00-05:00", datetime(2025, 7, 1, 17)),
        ("Asia/Kolkata", "2025-07-01T01:00:00", datetime(2025, 6, 30, 19, 30)),
        ("Asia/Kolkata", "2025-07-01T01:00:00Z", datetime(2025, 7, 1, 1)),
    ],
)
def test_a_moment_without_a_zone_is_of_the_sources_zone_and_one_with_a_zone_of_its_own(
    tmp_path: Path, zone: str, written: str, utc: datetime
) -> None:
    path = write_lines(tmp_path / "e.jsonl", [{**EVENTS[0], "event_time": written}])
    warehouse, _ = land_from(tmp_path, {"path": str(path), "time_zone": zone})
    assert rows(warehouse, columns="event_time") == [(utc,)]


@pytest.mark.parametrize(
    ("way", "scale"), [("epoch_s", 1), ("epoch_ms", 10**3), ("epoch_us", 10**6), ("epoch_ns", 10**9)]
)
def test_epochs_of_every_unit_are_read(tmp_path: Path, way: str, scale: int) -> None:
    path = write_lines(tmp_path / "e.jsonl", [{**EVENTS[0], "event_time": 1_738_404_000 * scale}])
    warehouse, _ = land_from(tmp_path, {"path": str(path), "formats": {"event_time": way}})
    assert rows(warehouse, columns="event_time") == [(datetime(2025, 2, 1, 10),)]


def test_events_without_an_id_are_numbered_across_files_and_landings(tmp_path: Path) -> None:
    for number, row in enumerate(EVENTS):
        write_lines(tmp_path / "lake" / f"{number}.jsonl", [{k: v for k, v in row.items() if k != "event_id"}] * 2)
    warehouse, _ = land_from(tmp_path, str(tmp_path / "lake"), events={"id_type": "none"})
    write_lines(tmp_path / "later.jsonl", [EVENTS[0]])
    list(land(warehouse, "events", str(tmp_path / "later.jsonl")))
    ids = [row[0] for row in rows(warehouse, columns="event_id")]
    assert len(set(ids)) == 5
    assert ids == sorted(ids)


@pytest.mark.parametrize("user_id", ["u 1", " müller & söhne ", "9223372036854775808", "007", "O'Brien"])
def test_any_text_is_an_id_and_comes_out_as_it_went_in_but_for_its_edges(tmp_path: Path, user_id: str) -> None:
    people = write_lines(tmp_path / "u.jsonl", [{**USERS[0], "user_id": user_id}])
    path = write_lines(tmp_path / "e.jsonl", [{**EVENTS[0], "user_id": user_id}])
    warehouse = warehouse_of(tmp_path, sources={"users": str(people), "events": str(path)})
    land_configured(warehouse, no_progress)
    with connected(warehouse) as con:
        list(build(con, warehouse))
        found = con.execute("select user_id, minutes_7d from user_features([date '2025-02-03'])").fetchall()
    assert found == [(user_id.strip(), 1.5)]


def test_64_bit_ids_keep_every_digit(tmp_path: Path) -> None:
    largest = 2**63 - 1
    path = write_lines(tmp_path / "e.jsonl", [{**EVENTS[0], "user_id": largest}, {**EVENTS[1], "user_id": largest - 1}])
    warehouse, _ = land_from(tmp_path, str(path), users={"id_type": "integer", "attributes": []})
    assert rows(warehouse, columns="user_id") == [(largest,), (largest - 1,)]


def test_a_query_over_files_lands_and_its_next_answer_replaces_the_last(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "e.jsonl", EVENTS)
    query = f"select * exclude (minutes), minutes * 2 as minutes from read_json('{path}')"
    warehouse, _ = land_from(tmp_path, {"query": query})
    assert [row[3] for row in rows(warehouse)] == [3.0, None]
    write_lines(path, [*EVENTS, {**EVENTS[0], "event_id": 3}])
    (landed,) = land_configured(warehouse, no_progress)
    assert landed.replaced
    assert [row[3] for row in rows(warehouse)] == [3.0, None, 3.0]
    assert len(list(warehouse.raw("events").glob("*"))) == 1


def test_the_same_file_under_another_reading_replaces_its_earlier_self(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "e.jsonl", EVENTS)
    land_from(tmp_path, str(path))
    warehouse, (landed,) = land_from(tmp_path, {"path": str(path), "time_zone": "Asia/Kolkata"})
    assert landed.replaced
    assert [row[1].hour for row in rows(warehouse)] == [4, 5]
    assert land_from(tmp_path, {"path": str(path), "time_zone": "Asia/Kolkata"})[1][0].already_landed


def test_files_that_landed_under_other_columns_must_land_again(tmp_path: Path) -> None:
    people, path = write_lines(tmp_path / "u.jsonl", USERS), write_lines(tmp_path / "e.jsonl", EVENTS)
    sources = {"users": str(people), "events": str(path)}
    land_configured(warehouse_of(tmp_path, sources=sources), no_progress)
    other = warehouse_of(tmp_path, sources=sources, measures=[{"name": "visits"}])
    with connected(other) as con, pytest.raises(WarehouseError, match="land them again with this configuration"):
        list(build(con, other))


def test_a_secret_comes_from_the_environment_and_its_absence_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_lines(tmp_path / "e.jsonl", EVENTS)
    monkeypatch.setenv("WHERE_EVENTS_ARE", str(path.parent))
    assert rows(land_from(tmp_path, "${WHERE_EVENTS_ARE}/e.jsonl")[0]) == LANDED
    monkeypatch.delenv("WHERE_EVENTS_ARE")
    with pytest.raises(LandingError, match="WHERE_EVENTS_ARE is not set"):
        land_from(tmp_path / "again", "${WHERE_EVENTS_ARE}/e.jsonl")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere/*.parquet", "no file matches"),
        (
            {"query": "select 1 as", "connection": "mysql://host/db"},
            "mysql://host/db is not a postgresql:// connection",
        ),
        ({"query": "select nothing from nowhere"}, "the query for events fails"),
    ],
)
def test_a_source_of_no_use_is_refused_with_its_place(tmp_path: Path, source: Any, message: str) -> None:
    with pytest.raises(LandingError, match=message):
        land_from(tmp_path, source)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgres(tmp_path_factory.mktemp("postgres")) as uri:
        with dbapi.connect(uri) as server, server.cursor() as cursor:
            cursor.execute(
                "create table visits (event_id bigint, user_id text, at timestamptz, kind text, minutes numeric(6, 2))"
            )
            cursor.execute(
                "insert into visits select n, 'u ' || 1 + (n - 1) % 2, timestamptz '2025-02-01 10:00:00+00' "
                "+ (n - 1) * interval '25 hours', 'visit', case when n % 2 = 1 then 1.5 end "
                "from generate_series(1, 50000) n"
            )
            server.commit()
        yield uri


def query(uri: str, text: str) -> dict[str, Any]:
    return {"query": text, "connection": uri, "columns": {"event_time": "at", "event_type": "kind"}}


def test_a_query_on_postgresql_lands_with_its_types_and_zones(tmp_path: Path, database: str) -> None:
    warehouse, (landed,) = land_from(tmp_path, query(database, "select * from visits where event_id <= 2 order by 1"))
    assert landed.rows == 2
    assert rows(warehouse) == LANDED
    assert "postgres:@" not in landed.source


def test_postgresql_streams_many_rows_and_is_only_read(tmp_path: Path, database: str) -> None:
    warehouse, (landed,) = land_from(tmp_path, query(database, "select * from visits"))
    assert landed.rows == len(rows(warehouse)) == 50_000
    with pytest.raises(LandingError, match="read-only transaction"):
        land_from(tmp_path, query(database, "delete from visits returning *"))


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match=r"cannot read postgresql://127\.0\.0\.1/db") as refused:
        land_from(tmp_path, query("postgresql://duck:hush@127.0.0.1:9/db", "select 1"))
    assert "hush" not in str(refused.value)


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    folder = tmp_path_factory.mktemp("s3")
    with s3(folder) as place:
        keys = place.environment
        files = s3fs.S3FileSystem(
            key=keys["AWS_ACCESS_KEY_ID"], secret=keys["AWS_SECRET_ACCESS_KEY"], endpoint_url=place.endpoint
        )
        files.mkdir(place.name)
        for row in EVENTS:
            local = folder / "part.parquet"
            pl.DataFrame([row]).drop("event_type").write_parquet(local)
            files.put(str(local), f"{place.name}/log/event_type=visit/{row['event_id']}.parquet")
        yield place


@pytest.fixture
def keyed(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    return bucket


@pytest.mark.parametrize("path", ["log", "log/*/*.parquet"])
def test_objects_of_a_bucket_land_by_prefix_and_by_glob(tmp_path: Path, keyed: Bucket, path: str) -> None:
    warehouse, landed = land_from(tmp_path, f"s3://{keyed.name}/{path}")
    assert [one.source.rsplit("/", 1)[-1] for one in landed] == ["1.parquet", "2.parquet"]
    assert rows(warehouse) == LANDED
    assert all(one.already_landed for one in land_configured(warehouse, no_progress))


def test_a_query_reads_the_bucket_too(tmp_path: Path, keyed: Bucket) -> None:
    text = f"select *, 'visit' as event_type from read_parquet('s3://{keyed.name}/log/*/1.parquet')"
    assert rows(land_from(tmp_path, {"query": text})[0]) == LANDED[:1]


def test_a_bucket_refuses_a_wrong_key_and_the_message_tells_no_secret(
    tmp_path: Path, keyed: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-key")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(LandingError, match="check the address and the keys in the environment") as refused:
        land_from(tmp_path, f"s3://{keyed.name}/log")
    assert "not-the-key" not in str(refused.value)


def test_signup_dates_and_attributes_land_from_a_mapped_source(tmp_path: Path) -> None:
    path = tmp_path / "u.csv"
    path.write_text("Kunde,Seit,Stufe\nu 1,1/31/2025,gold\n")
    source = {
        "path": str(path),
        "columns": {"user_id": "Kunde", "signup_date": "Seit", "level": "Stufe"},
        "formats": {"signup_date": "%m/%d/%Y"},
    }
    users = {"id_type": "text", "attributes": [{"name": "level", "type": "category"}]}
    warehouse = warehouse_of(tmp_path, sources={"users": source}, users=users)
    land_configured(warehouse, no_progress)
    assert rows(warehouse, "users", "user_id, signup_date, level") == [("u 1", date(2025, 1, 31), "gold")]
