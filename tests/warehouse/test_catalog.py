"""What is true of every SQL file at once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from churn_duck.jobs.run import Ran
from churn_duck.settings.config import Settings
from churn_duck.warehouse.build import build
from churn_duck.warehouse.catalog import SqlFile, rendered, shown_sql, sql_files
from churn_duck.warehouse.raw_files import RawFiles
from churn_duck.warehouse.store import Warehouse, connected
from tests.worlds import event, user, world

TEXTS = rendered(Settings(), RawFiles(["/u/users/u.parquet"], ["/u/events/e.parquet"], ["/u/q.parquet"]))
RELATIONS = [file for file in sql_files() if file.kind != "macro"]
VIEWS = [file for file in sql_files() if file.kind == "view"]
NAMES = [file.name for file in sql_files()]


def statement(text: str) -> str:
    """The statement that makes the relation, without its header and comments."""
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return code.split(";")[0]


@pytest.fixture(scope="module")
def looking(ran: tuple[Warehouse, Ran]) -> Iterator[duckdb.DuckDBPyConnection]:
    """One connection for hundreds of tests that only look."""
    with connected(ran[0]) as con:
        yield con


@pytest.mark.parametrize("file", sql_files(), ids=NAMES)
def test_a_file_is_named_for_what_it_makes_and_its_rows(file: SqlFile) -> None:
    assert file.path.stem.split("_", 1)[1] == file.name
    made = re.search(
        r"create (?:or replace )?(?:table|view|macro)(?: if not exists)? (\w+)", statement(TEXTS[file.name])
    )
    assert made is not None
    assert made.group(1) == file.name
    assert file.rows.startswith(("one row per ", "one row, ", "one row when "))
    assert file.rows.endswith(".")


@pytest.mark.parametrize("file", RELATIONS, ids=[file.name for file in RELATIONS])
def test_grain_is_unique_and_never_null(looking: duckdb.DuckDBPyConnection, file: SqlFile) -> None:
    if not file.grain:
        assert looking.execute(f"select count(*) <= 1 from {file.name}").fetchall() == [(True,)]
        return
    keys = ", ".join(file.grain)
    null = " or ".join(f"{key} is null" for key in file.grain)
    found = looking.execute(
        f"select count(*), count(distinct ({keys})), count(*) filter (where {null}) from {file.name}"
    ).fetchall()[0]
    assert found == (found[0], found[0], 0)


@pytest.mark.parametrize("file", VIEWS, ids=[file.name for file in VIEWS])
def test_a_view_says_the_same_to_the_last_digit_with_any_number_of_threads(
    looking: duckdb.DuckDBPyConnection, file: SqlFile
) -> None:
    said = set()
    for threads in (1, 4, 4, 4):
        looking.execute(f"set threads = {threads}")
        said.add(str(looking.execute(f"select count(*), sum(hash(rows)) from {file.name} as rows").fetchall()))
    assert len(said) == 1


@pytest.mark.parametrize("file", RELATIONS, ids=[file.name for file in RELATIONS])
def test_every_column_has_a_comment(looking: duckdb.DuckDBPyConnection, file: SqlFile) -> None:
    bare = looking.execute(
        "select column_name from duckdb_columns() where table_name = ? and comment is null", [file.name]
    ).fetchall()
    assert bare == []


@pytest.mark.parametrize("file", sql_files(), ids=NAMES)
def test_reads_says_what_the_statement_reads(file: SqlFile) -> None:
    body = re.sub(r"^create .*? as(?: table)?\n", "", statement(TEXTS[file.name]).strip(), count=1, flags=re.DOTALL)
    if file.reads == "":
        assert " from " not in body
        return
    tree = json.loads(duckdb.execute("select json_serialize_sql(?)", [body]).fetchall()[0][0])
    assert not tree["error"], tree
    found, own = set(), set()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if node.get("type") == "BASE_TABLE":
                found.add(node["table_name"])
            if node.get("type") == "TABLE_FUNCTION":
                found.add(node["function"]["function_name"])
            if "cte_map" in node:
                own.update(entry["key"] for entry in node["cte_map"]["map"])
            for value in node.values():
                walk(value)
        if isinstance(node, list):
            for value in node:
                walk(value)

    walk(tree)
    said = TEXTS[file.name].splitlines()[2].removeprefix("-- reads:").strip()
    assert found - own - {"unnest"} == set(said.split(", "))


def test_no_view_widens_silently_with_its_source() -> None:
    stars = [name for name, text in TEXTS.items() if re.search(r"select\s+\*|\.\*", text)]
    assert stars == []


def test_building_twice_gives_the_same_views_and_keeps_the_state(own: Warehouse) -> None:
    dump = "select table_name, column_name, data_type, comment from duckdb_columns() where not internal order by all"
    with connected(own) as con:
        before = con.execute(dump).fetchall(), con.execute("from scores order by all").fetchall()
        list(build(con, own))
        after = con.execute(dump).fetchall(), con.execute("from scores order by all").fetchall()
    assert before == after
    assert before[1]


def test_a_view_pasted_from_the_catalog_gives_the_same_rows(ran: tuple[Warehouse, Ran]) -> None:
    text = shown_sql("training_snapshots", ran[0].settings, ran[0].raw_files())
    with connected(ran[0]) as con:
        kept = con.execute("from training_snapshots order by all").fetchall()
        body = statement(text).split(" as\n", 1)[1]
        assert con.execute(f"from ({body}) order by all").fetchall() == kept


def test_an_empty_log_and_a_single_user_build(tmp_path: Path) -> None:
    with world(tmp_path / "empty", [], []) as (con, _):
        assert con.execute("select count(*) from training_dataset").fetchall() == [(0,)]
        assert con.execute("from calendar").fetchall() == []
    with world(tmp_path / "one", [user(1)], [event(1, 1, "2025-01-01")]) as (con, _):
        assert con.execute("select count(*) from user_daily").fetchall() == [(1,)]


def test_a_failing_view_is_named_and_leaves_the_last_build(own: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    from churn_duck.errors import SqlError
    from churn_duck.warehouse import build as engine

    broken = rendered(own.settings, own.raw_files()) | {"calendar": "create or replace view calendar as select nope"}
    monkeypatch.setattr(engine, "rendered", lambda *_: broken)
    with connected(own) as con:
        before = con.execute("select count(*) from user_activity").fetchall()
        with pytest.raises(SqlError, match=r"30_activity/\d\d_calendar\.sql"):
            list(build(con, own, full=True))
        assert con.execute("select count(*) from user_activity").fetchall() == before
        assert con.execute("select count(*) > 100 from calendar").fetchall() == [(True,)]
