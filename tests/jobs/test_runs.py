"""The run log: every command that changes the warehouse leaves a row, however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from churn_duck_cli.main import _exit_code

from churn_duck.errors import ModelError
from churn_duck.jobs.run_log import log, recorded
from churn_duck.settings.config import Settings
from churn_duck.warehouse.store import Warehouse, connected, open_warehouse
from tests.worlds import event, user, write_csv


def run(warehouse: Path, *arguments: object) -> int:
    return _exit_code(["--warehouse", str(warehouse), *map(str, arguments)])


def rows(warehouse: Warehouse, columns: str) -> list[tuple[Any, ...]]:
    with connected(warehouse) as con:
        return con.execute(f"select {columns} from runs order by started_at").fetchall()


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    write_csv(tmp_path / "users.csv", "users", [user(1), user(2, plan="paid")])
    write_csv(tmp_path / "events.csv", "events", [event(1, 1, "2025-01-01"), event(2, 2, "2025-01-09")])
    return ["--users", str(tmp_path / "users.csv"), "--events", str(tmp_path / "events.csv")]


def test_each_changing_command_leaves_its_outcome_and_what_it_counted(tmp_path: Path, files: list[str]) -> None:
    warehouse = open_warehouse(Settings(), tmp_path / "w")
    assert run(warehouse.root, "land", *files) == 0
    assert run(warehouse.root, "land", *files) == 0
    assert run(warehouse.root, "build") == 0
    assert run(warehouse.root, "train") == 1
    assert rows(warehouse, "command, outcome, exit_code, row_count, ended_at >= started_at") == [
        ("land", "ok", 0, 4, True),
        ("land", "ok", 0, 0, True),
        ("build", "ok", 0, 2, True),
        ("train", "failed", 1, None, True),
    ]
    (digest,) = {row[0] for row in rows(warehouse, "data_hash")}
    assert digest == warehouse.raw_files().data_hash
    assert "days" in rows(warehouse, "message")[-1][0]


def test_data_that_breaks_a_rule_is_a_failed_validation_that_names_it(tmp_path: Path, files: list[str]) -> None:
    write_csv(tmp_path / "events.csv", "events", [event(1, 9, "2025-01-01")])
    run(tmp_path / "w", "land", *files)
    assert run(tmp_path / "w", "validate") == 1
    told = rows(open_warehouse(Settings(), tmp_path / "w"), "command, outcome, message")
    assert told[-1] == ("validate", "failed", "check_event_user_unknown")


def test_what_only_looks_leaves_no_row(own: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["models"], ["evaluate"], ["sql"], ["export", "eligible", str(own.root / "x.csv")]):
        assert run(own.root, *command) == 0
    with connected(own) as con:
        kept = con.execute("select count(*) from duckdb_tables() where table_name = 'runs'").fetchall()
        assert kept == [(1,)]
        assert con.execute("select count(*) from runs").fetchall() == [(0,)]


def test_scoring_names_the_day_the_model_and_the_users(own: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(own.root, "score") == 0
    with connected(own) as con:
        expected = con.execute("""
            select 'score', max(as_of_date), any_value(model_version), count(*)
            from predictions
            where as_of_date = (select max(predictions.as_of_date) from predictions)""").fetchall()
    assert rows(own, "command, as_of_date, model_version, row_count") == expected


def test_an_interrupted_command_says_so_and_the_error_still_comes(tmp_path: Path) -> None:
    warehouse = open_warehouse(Settings(), tmp_path / "w")
    with pytest.raises(KeyboardInterrupt), recorded(warehouse, "train"):
        raise KeyboardInterrupt
    with pytest.raises(ModelError), recorded(warehouse, "score"):
        raise ModelError("no model")
    assert rows(warehouse, "command, outcome, exit_code, message") == [
        ("train", "interrupted", 130, "KeyboardInterrupt"),
        ("score", "failed", 1, "no model"),
    ]


def test_a_killed_command_is_marked_by_the_next_one(tmp_path: Path) -> None:
    warehouse = open_warehouse(Settings(), tmp_path / "w")
    program = f"""
import time
from churn_duck.jobs.run_log import recorded
from churn_duck.settings.config import Settings
from churn_duck.warehouse.store import open_warehouse
from pathlib import Path
with recorded(open_warehouse(Settings(), Path({str(warehouse.root)!r})), "train"):
    print("begun", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == "begun\n"
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()
    time.sleep(0.1)
    with recorded(warehouse, "build"):
        pass
    assert rows(warehouse, "command, outcome, ended_at is null") == [("train", "killed", True), ("build", "ok", False)]


def test_structured_logs_are_json_lines_on_stderr_with_the_outcome(
    tmp_path: Path, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        assert _exit_code(["--log-json", "--warehouse", str(tmp_path / "w"), "land", *files]) == 0
    finally:
        log.handlers.clear()
        log.setLevel("WARNING")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["message"] for line in lines] == ["started", "landing users", "landing events", "ended"]
    assert {"command": "land", "outcome": "ok", "row_count": 4}.items() <= lines[-1].items()
    assert all(line["time"].startswith("20") and line["level"] == "info" for line in lines)
