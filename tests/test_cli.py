"""The commands as a person runs them: what they print where, and how they exit."""

from __future__ import annotations

import json
import multiprocessing
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from churn_duck_cli.main import _exit_code
from churn_duck_cli.printing import training as show_training

from churn_duck.errors import WarehouseError
from churn_duck.jobs.run import Ran
from churn_duck.settings.config import Settings
from churn_duck.warehouse.catalog import sql_files
from churn_duck.warehouse.lock import writing
from churn_duck.warehouse.store import Warehouse, open_warehouse
from docs.make_reference import example
from tests.test_docs import group, parse
from tests.worlds import event, user, write_csv


def run(*arguments: object) -> int:
    return _exit_code([str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHURN_DUCK_CONFIG", raising=False)
    write_csv(tmp_path / "users.csv", "users", [user(1), user(2, plan="paid")])
    write_csv(tmp_path / "events.csv", "events", [event(1, 1, "2025-01-01"), event(2, 2, "2025-01-09")])
    return tmp_path


@pytest.fixture
def plain_help(monkeypatch: pytest.MonkeyPatch) -> None:
    """No colours in the help, which some CI systems ask for."""
    monkeypatch.setattr("typer.rich_utils.FORCE_TERMINAL", None)


@pytest.mark.usefixtures("plain_help")
def test_every_command_shows_an_example_in_its_help_that_parses_and_stands_in_a_panel(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, command in group().commands.items():
        program, *words = shlex.split(example(command))
        assert (program, words[0]) == ("churn-duck", name)
        parse(words)
        assert command.rich_help_panel
        assert run(name, "--help") == 0
        assert f"Example: {example(command)}" in " ".join(capsys.readouterr().out.split())


@pytest.mark.usefixtures("plain_help")
def test_help_lists_the_commands_in_panels_by_subject(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("─")[1].strip() for line in lines if line.startswith("╭")] == [
        *("Options", "Whole jobs", "Data", "Warehouse", "Models", "Scores"),
        *("Monitoring", "Pages", "Serving", "Synthetic data"),
    ]


def test_from_files_to_an_export(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("land", "--users", "users.csv", "--events", "events.csv") == 0
    assert "users.csv: 2 users landed" in capsys.readouterr().out
    assert run("validate") == 0
    assert "23 rules: 23 pass, 0 warn, 0 fail" in capsys.readouterr().out
    assert run("build", "--json") == 0
    assert json.loads(capsys.readouterr().out)["active_days"] == 2
    for name in ("daily.parquet", "daily.csv"):
        assert run("export", "user_daily", name) == 0
        assert duckdb.sql(f"select count(*) from '{folder / name}'").fetchall() == [(18,)]
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "18 rows of user_daily in daily.parquet" in printed.err


def test_sql_lists_and_shows_what_duckdb_gets(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("sql") == 0
    assert "training_dataset" in capsys.readouterr().out
    assert run("--json", "sql") == 0
    assert {"name", "layer", "kind", "grain", "rows"} == set(json.loads(capsys.readouterr().out)[0])
    assert run("sql", "user_features") == 0
    assert "create or replace macro user_features(as_of_dates) as table" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["models", "evaluate", "card", "drift", "demo-drift", "rollback"])
def test_a_warehouse_that_is_not_built_says_so_in_our_words(
    folder: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command) == 1
    assert "has not been built; run: churn-duck build" in capsys.readouterr().err


EXITS = [
    (0, ["--version"]),
    (0, ["--help"]),
    (64, ["fly"]),
    (64, ["score", "--as-of", "tomorrow"]),
    (64, ["land"]),
    (64, ["train", "--model", "oracle"]),
    (3, ["--config", "none.yaml", "sql"]),
    (64, ["generate", "--days", "0"]),
    (1, ["build"]),
    (1, ["validate"]),
    (1, ["land", "--users", "nobody.csv"]),
    (1, ["sql", "no_such_view"]),
    (1, ["shell"]),
    (1, ["--warehouse", "users.csv", "build"]),
]


@pytest.mark.parametrize(("code", "arguments"), EXITS, ids=[" ".join(row[1]) for row in EXITS])
def test_exit_codes(folder: Path, code: int, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == code
    printed = capsys.readouterr()
    if code:
        assert printed.out == ""
        assert "rror:" in printed.err


def test_a_failed_rule_exits_1_and_shows_examples(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(folder / "bad.csv", "events", [event(i, 1, "2025-01-01", "teleport") for i in range(5)])
    run("land", "--users", "users.csv", "--events", "bad.csv")
    assert run("validate") == 1
    printed = capsys.readouterr()
    assert "fail  check_event_type_unknown: 5\n      event 0 has type teleport" in printed.out
    assert "error: the data breaks check_event_type_unknown (5)" in printed.err
    assert run("run") == 1
    assert run("validate", "--json") == 1


def test_too_little_history_says_how_many_days_are_needed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("land", "--users", "users.csv", "--events", "events.csv")
    run("build")
    assert run("train") == 1
    assert "9 days of events (2025-01-01 to 2025-01-09) have no label" in capsys.readouterr().err


def test_windows_shorter_than_the_silence_allowed_are_mentioned(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "long.yaml").write_text("population: {active_within_days: 90}\n")
    run("--config", "long.yaml", "train")
    assert "consider 90 among features.windows_days" in capsys.readouterr().err
    run("train")
    assert "consider" not in capsys.readouterr().err


@pytest.mark.whole
def test_train_promote_and_score_as_commands(own: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    at = ("--warehouse", own.root)
    assert run(*at, "train", "--model", "baseline_logreg") == 5
    assert "already trained on the same data with the same settings" in capsys.readouterr().err
    assert run(*at, "train", "--model", "baseline_logreg", "--force") == 0
    assert "recency rule" in capsys.readouterr().out
    assert run(*at, "promote") == 4
    assert "not promoted; production stays:" in capsys.readouterr().out
    assert run(*at, "run", "--json") == 0
    ran = json.loads(capsys.readouterr().out)
    assert len(ran["trained"]) == 3
    assert not ran["decision"]["promoted"]
    assert run(*at, "evaluate", "--capacity", "7") == 0
    assert "7 a day" in capsys.readouterr().out
    assert run(*at, "evaluate", "--model", "nobody") == 1
    assert run(*at, "score", "--top-k", "7", "--json") == 0
    scored = json.loads(capsys.readouterr().out)
    assert any("churn_top_7_" in name for name in scored["files"])


def test_the_environment_names_the_configuration(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "mine.yaml").write_text("warehouse: elsewhere\nsources: {users: users.csv, events: events.csv}\n")
    monkeypatch.setenv("CHURN_DUCK_CONFIG", "mine.yaml")
    assert run("land", "--users", "users.csv") == 0
    assert (folder / "elsewhere" / "raw" / "users").is_dir()


def hold(root: Path, seconds: float) -> None:
    with writing(root, "train"):
        time.sleep(seconds)


def test_a_second_writer_waits_and_is_told_who_has_the_warehouse(tmp_path: Path) -> None:
    holder = multiprocessing.get_context("spawn").Process(target=hold, args=(tmp_path, 60))
    holder.start()
    while not (tmp_path / ".writer.json").exists():
        time.sleep(0.05)
    warehouse = open_warehouse(Settings(), tmp_path)
    with (
        pytest.raises(WarehouseError, match=f"`churn-duck train` \\(process {holder.pid}"),
        writing(warehouse.root, "x", 0.2),
    ):
        pass
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with writing(warehouse.root, "score", 5):
        assert "score" in (tmp_path / ".writer.json").read_text()


def test_how_long_a_command_waits_for_another_one_is_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.yaml").write_text(f"warehouse: {tmp_path / 'w'}\nengine: {{lock_wait_seconds: 0}}\n")
    monkeypatch.setenv("CHURN_DUCK_CONFIG", str(tmp_path / "mine.yaml"))
    with writing(tmp_path / "w", "train"):
        assert run("build") == 1
    assert "gave up after 0 s" in capsys.readouterr().err


def test_ctrl_c_says_that_nothing_is_lost(
    own: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for cause in (KeyboardInterrupt(), RuntimeError("Query interrupted")):

        def interrupted(*_: object, cause: BaseException = cause) -> None:
            raise cause

        monkeypatch.setattr("churn_duck.ingestion.validate.validate", interrupted)
        assert run("--warehouse", own.root, "validate") == 130
        assert "no changes from this step were saved" in capsys.readouterr().err


def test_a_killed_build_leaves_the_last_good_one_and_the_next_completes(own: Warehouse) -> None:
    command = [sys.executable, "-m", "churn_duck_cli.main", "--warehouse", str(own.root), "build"]
    code = "import sys, churn_duck_cli.main; sys.exit(churn_duck_cli.main.main(sys.argv[1:]))"
    killed = subprocess.Popen([sys.executable, "-c", code, *command[3:]], stderr=subprocess.DEVNULL)
    time.sleep(0.9)
    killed.kill()
    killed.wait()
    with duckdb.connect(own.database, config={"storage_compatibility_version": "v1.5.0"}) as con:
        assert con.execute("select count(*) > 0 from scoring_dataset").fetchall() == [(True,)]
    assert run("--warehouse", own.root, "score") == 0
    assert run("--warehouse", own.root, "build") == 0


def test_a_model_that_is_no_better_than_a_rule_is_reported_loudly(
    ran: tuple[Warehouse, Ran], capsys: pytest.CaptureFixture[str]
) -> None:
    honest = ran[1].trained[0]
    eligible = {**honest.metrics["eligible"], "beats_recency_rule": False, "log_loss": 9.0}
    show_training.trained([replace(honest, metrics={**honest.metrics, "eligible": eligible})])
    printed = capsys.readouterr().out
    assert "WARNING: baseline_logreg does not beat the recency rule" in printed
    assert "not as a probability" in printed
    show_training.trained([honest])
    assert "not as a probability" not in capsys.readouterr().out


@pytest.mark.whole
def test_explain_shows_rows_seconds_and_memory_of_each_view(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("land", "--users", "users.csv", "--events", "events.csv") == 0
    capsys.readouterr()
    assert run("--json", "build", "--explain") == 0
    costs = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(costs) == [file.name for file in sql_files()]
    assert (costs["user_activity"]["rows"], costs["events_clean"]["rows"]) == (2, 2)
    assert costs["user_activity"]["peak_bytes"] > 0
    assert costs["user_features"]["rows"] is None
    assert run("build", "--explain") == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["view", "kind", "rows", "seconds", "peak", "MB"]


def test_land_without_options_takes_the_configured_sources(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("land") == 64
    assert "or configure sources" in " ".join(capsys.readouterr().err.split())
    (folder / "own.yaml").write_text("sources: {users: users.csv, events: events.csv}")
    assert run("--config", "own.yaml", "land") == 0
    assert "2 users landed" in capsys.readouterr().out


def test_the_shell_that_people_have_reads_the_warehouse(ran: tuple[Warehouse, Ran], tmp_path: Path) -> None:
    question = "select count(*) as n from user_features((select list(as_of_date) from period)) where is_eligible"
    program = Path(sys.executable).with_name("duckdb")
    said = subprocess.run(
        [str(program), "-readonly", "-json", str(ran[0].database), "-c", question],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert json.loads(said.stdout) == [{"n": ran[1].scored.rows}]
