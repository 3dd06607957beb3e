"""A snapshot is whole or not there, nobody waits for anybody, and what is exposed is what it holds."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest
from churn_duck_cli.main import _exit_code
from prometheus_client.parser import text_string_to_metric_families

from churn_duck.errors import ModelError, WarehouseError
from churn_duck.jobs.run import Ran
from churn_duck.jobs.run_log import recorded
from churn_duck.monitoring.performance import performance
from churn_duck.serving import publish as publishing
from churn_duck.serving.publish import TABLES, VIEWS, publish
from churn_duck.serving.snapshots import Snapshots
from churn_duck.settings.load import parse_settings
from churn_duck.warehouse.catalog import find
from churn_duck.warehouse.store import Warehouse, connected, open_warehouse, opened_snapshot, working
from tests.conftest import silent
from tests.worlds import event, user, world

# a macro there; cut to serving.history_days; of one snapshot here and of all there, or of commands that went on
DIFFERENT = {"ranked_users", "user_activity", "runs", "batch_metrics", "data_metrics"}


def snapshot_files(warehouse: Warehouse) -> list[str]:
    return sorted(path.name for path in warehouse.published.iterdir())


def current(warehouse: Warehouse) -> duckdb.DuckDBPyConnection:
    return opened_snapshot(warehouse.published / "current.duckdb")


def published_ids(warehouse: Warehouse) -> list[tuple[str]]:
    with current(warehouse) as con:
        return con.execute("select snapshot_id from published").fetchall()


def test_a_run_ends_with_a_snapshot_that_says_what_the_warehouse_says(
    ran: tuple[Warehouse, Ran], looking: duckdb.DuckDBPyConnection
) -> None:
    with current(ran[0]) as con:
        for name in sorted({*TABLES, *VIEWS} - DIFFERENT):
            query = f"select count(*), bit_xor(hash(to_json({name}))) from {name}"
            assert con.execute(query).fetchall() == looking.execute(query).fetchall(), name
        manifest = con.execute("select as_of_date, scored_by, model_version from published").fetchall()
        rows = con.execute("select json_extract(table_rows, '$.predictions') from published").fetchall()
        days = con.execute("select max(activity_date) - min(activity_date) from user_activity").fetchall()
    result = ran[1]
    assert days == [(89,)]
    assert manifest == [(result.scored.as_of_date, result.scored.model_version, result.decision.production)]
    assert rows == [(str(result.scored.rows),)]


def test_every_published_column_says_what_it_means(ran: tuple[Warehouse, Ran]) -> None:
    with current(ran[0]) as con:
        bare = con.execute(
            "select table_name, column_name from duckdb_columns() where comment is null and not internal"
        ).fetchall()
    assert bare == []
    assert [name for name in {*TABLES, *VIEWS} if find(name) is None] == []


def test_a_published_file_cannot_be_written_and_has_no_log_beside_it(own: Warehouse) -> None:
    with working(own, "test") as con:
        name = publish(con, own).snapshot_id
    path = own.published / f"{name}.duckdb"
    assert path.stat().st_mode & 0o777 == 0o444
    assert (own.published / "current.duckdb").readlink() == Path(path.name)
    assert [name for name in snapshot_files(own) if "wal" in name or "partial" in name] == []
    with current(own) as con, pytest.raises(duckdb.InvalidInputException, match="read-only"):
        con.execute("delete from predictions")


@pytest.mark.parametrize("step", ["_describe", "_make_views", "_seal", "_swap"])
def test_a_publishing_that_is_cut_short_leaves_the_last_snapshot(
    own: Warehouse, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def dies(*arguments: object) -> None:
        raise KeyboardInterrupt

    before, ids = snapshot_files(own), published_ids(own)
    with working(own, "test") as con:
        with monkeypatch.context() as patch:
            patch.setattr(publishing, step, dies)
            with pytest.raises(KeyboardInterrupt):
                publish(con, own)
        assert (snapshot_files(own), published_ids(own)) == (before, ids)
        assert con.execute("select current_database()").fetchall() == [("churn",)]
        again = publish(con, own)
    assert published_ids(own) == [(again.snapshot_id,)]


def kill_while_publishing(warehouse: Warehouse) -> None:
    publishing._seal = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
    with working(warehouse, "test") as con:
        publish(con, warehouse)


@pytest.mark.whole
def test_a_killed_publishing_leaves_the_last_snapshot_and_the_next_one_cleans_up(own: Warehouse) -> None:
    ids = published_ids(own)
    process = multiprocessing.get_context("spawn").Process(target=kill_while_publishing, args=(own,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert published_ids(own) == ids
    assert any(name.endswith(".partial") for name in snapshot_files(own))
    with working(own, "test") as con:
        publish(con, own)
    assert not any(name.endswith(".partial") for name in snapshot_files(own))


def test_a_reader_keeps_its_snapshot_while_others_are_published_and_deleted(own: Warehouse) -> None:
    snapshots = Snapshots(own.root)
    few = open_warehouse(parse_settings({"serving": {"keep_snapshots": 2}}, "test"), own.root)
    with snapshots.use() as old:
        first = old.manifest.snapshot_id
        with working(few, "test") as con:
            made = [publish(con, few).snapshot_id for _ in range(3)]
        with snapshots.use() as new:
            assert new.manifest.snapshot_id == made[-1]
            # deleted on disk by now, and still open
            assert not old.path.exists()
            assert old.rows("select snapshot_id from published") == [{"snapshot_id": first}]
    with pytest.raises(duckdb.ConnectionException):
        old.rows("from published")
    assert [name for name in snapshot_files(few) if name != "current.duckdb"] == [f"{one}.duckdb" for one in made[1:]]
    with snapshots.use() as still:
        assert still is new
    snapshots.close()


@pytest.mark.whole
def test_readers_never_see_a_snapshot_with_the_model_or_rows_of_another(own: Warehouse) -> None:
    snapshots, wrong, stop = Snapshots(own.root), [], threading.Event()

    def read() -> None:
        while not stop.is_set():
            with snapshots.use() as one:
                found = one.rows("select snapshot_id, (select count(*) from predictions) as n from published")[0]
                told = (one.manifest.snapshot_id, one.manifest.table_rows["predictions"])
                if (found["snapshot_id"], found["n"]) != told or one.model is None:
                    wrong.append(found)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    with working(own, "test") as con:
        for _ in range(4):
            con.execute(
                "insert into scores select user_id, as_of_date - 1, model_version, churn_risk, risk_rank, "
                "scored_at from scores using sample 10"
            )
            publish(con, own)
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    snapshots.close()


def test_a_snapshot_whose_model_was_altered_is_refused_and_the_old_one_stays(own: Warehouse) -> None:
    snapshots = Snapshots(own.root)
    with snapshots.use() as before:
        version = before.manifest.model_version
    (own.models / str(version) / "model.onnx").write_bytes(b"altered")
    with working(own, "test") as con:
        publish(con, own)
    with snapshots.use() as after:
        assert after is before
    assert "the file was altered" in str(snapshots.trouble)
    snapshots.close()
    with pytest.raises(WarehouseError, match="altered"), Snapshots(own.root).use():
        pass


def test_what_is_no_snapshot_is_refused_with_the_way_out(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path)
    with pytest.raises(WarehouseError, match="does not exist; run: churn-duck publish"), snapshots.use():
        pass
    (tmp_path / "published").mkdir()
    duckdb.connect(tmp_path / "published" / "current.duckdb").close()
    with pytest.raises(WarehouseError, match="is not a published snapshot"), snapshots.use():
        pass


def test_before_anything_is_trained_a_snapshot_has_data_and_no_model(tmp_path: Path) -> None:
    with world(tmp_path, [user(1)], [event(1, 1, "2025-01-01T12:00:00")]) as (con, warehouse):
        manifest = publish(con, warehouse)
    assert (manifest.as_of_date, manifest.scored_by, manifest.model_version) == (None, None, None)
    snapshots = Snapshots(tmp_path)
    with snapshots.use() as snapshot:
        assert snapshot.model is None
        assert snapshot.rows("select count(*) as n from user_activity") == [{"n": 1}]
    snapshots.close()


def test_the_shell_that_people_have_opens_the_snapshot(ran: tuple[Warehouse, Ran]) -> None:
    program = Path(sys.executable).with_name("duckdb")
    question = "select count(*) as n from ranked_users; select count(*) > 20 as many from batch_metrics"
    done = subprocess.run(
        [program, "-readonly", "-noheader", "-list", ran[0].published / "current.duckdb", question],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [str(ran[1].scored.rows), "true"], done.stderr


def test_the_textfile_parses_and_tells_what_the_views_tell(own: Warehouse) -> None:
    with recorded(own, "publish") as (con, _):
        performance(con, own, None, silent)
        publish(con, own)
    families = {one.name: one for one in text_string_to_metric_families(own.metrics_textfile.read_text())}
    with current(own) as con:
        told = con.execute("select metric, labels, value from batch_metrics").fetchall()
    values = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for one in families.values()
        for sample in one.samples
    }
    assert len(told) == sum(len(one.samples) for one in families.values())
    assert values["churn_scored_users",] == next(value for name, _, value in told if name == "churn_scored_users")
    assert values["churn_landed_rows", "users"] == 400
    assert values["churn_last_run_failed", "publish"] == 0
    assert families["churn_production_model_info"].samples[0].labels["model_version"]
    assert all(one.type == "gauge" and one.documentation for one in families.values())


def test_a_command_that_failed_is_seen_though_it_published_nothing(own: Warehouse) -> None:
    before = published_ids(own)
    with pytest.raises(ModelError), recorded(own, "train"):
        raise ModelError("no")
    text = own.metrics_textfile.read_text()
    assert 'churn_last_run_failed{command="train"} 1.0' in text
    assert "churn_scored_users" in text
    assert published_ids(own) == before


def test_drift_is_exposed_once_it_has_been_checked(own: Warehouse) -> None:
    with connected(own) as con:
        assert con.execute("select count(*) from model_metrics where metric like 'churn_drift%'").fetchall() == [(0,)]
        version = con.execute("select model_version from production").fetchall()[0][0]
        rows = "(date '2025-07-19', ?, 'plan', 'category', 'OK', 0.2, 0.1, 'x', now()), "
        rows += "(date '2025-07-19', ?, 'users', 'volume', 'FAIL', null, null, 'x', now())"
        con.execute(f"insert into drift_reports values {rows}", [version, version])
        told = dict(
            con.execute("select metric || labels, value from model_metrics where metric like 'churn_drift%'").fetchall()
        )
    assert told["churn_drift_status"] == 2
    assert told["churn_drift_max_psi"] == 0.2
    assert told['churn_drift_findings{verdict="FAIL"}'.replace("{", "").replace("}", "")] == 1


def test_publishing_needs_a_warehouse_that_is_built(tmp_path: Path) -> None:
    warehouse = open_warehouse(parse_settings({}, "test"), tmp_path)
    with working(warehouse, "test") as con, pytest.raises(WarehouseError):
        publish(con, warehouse)


def test_the_command_tells_what_it_published_and_is_done_in_its_own_snapshot(
    own: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _exit_code(["--warehouse", str(own.root), "--json", "publish"]) == 0
    told = json.loads(capsys.readouterr().out)
    with current(own) as con:
        assert con.execute("select snapshot_id from published").fetchall() == [(told["snapshot_id"],)]
        assert con.execute("select outcome, exit_code from runs where command = 'publish'").fetchall() == [("ok", 0)]
    with connected(own) as con:
        assert con.execute("select message from newest_runs where command = 'publish'").fetchall() == [
            (told["snapshot_id"],)
        ]
        assert con.execute(
            "select count(*) from published where snapshot_id = ?", [told["snapshot_id"]]
        ).fetchall() == [(1,)]


def test_the_current_snapshot_is_never_deleted_even_if_its_name_is_the_oldest(own: Warehouse) -> None:
    for day in range(1, 5):
        (own.published / f"9999010{day}T000000000000Z_00000000.duckdb").write_bytes(b"")
    few = open_warehouse(parse_settings({"serving": {"keep_snapshots": 2}}, "test"), own.root)
    with working(few, "test") as con:
        made = publish(con, few)
    assert published_ids(few) == [(made.snapshot_id,)]
    assert len(snapshot_files(few)) == 3
