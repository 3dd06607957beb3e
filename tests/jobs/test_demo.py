"""The demo: invented data from end to end, apart from everybody's own."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest
from churn_duck_cli.main import _exit_code

from tests.worlds import user, write_csv

SMALL = ("demo", "--n-users", "150", "--days", "150")


def run(*arguments: object) -> int:
    return _exit_code([str(argument) for argument in arguments])


@pytest.mark.whole
def test_a_demo_ranks_still_active_users_only_and_can_be_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--warehouse", tmp_path / "w", *SMALL) == 0
    printed = capsys.readouterr().out
    assert "150 users landed" in printed
    assert "the 10 users most at risk:" in printed
    top = pl.read_csv(tmp_path / "w" / "predictions" / "batch_predictions_latest.csv")
    events, day = tmp_path / "w" / "generated" / "events.parquet", top["as_of_date"][0]
    silent = duckdb.sql(f"""select count(*) from '{tmp_path}/w/predictions/batch_predictions_latest.csv' as top
        anti join (from '{events}' where cast(event_time as date) > date '{day}' - 30) as recent using (user_id)""")
    assert silent.fetchall() == [(0,)]
    assert run("--warehouse", tmp_path / "w", *SMALL, "--seed", "5") == 0
    landed = list((tmp_path / "w" / "raw" / "users").iterdir())
    assert len(landed) == 1


def test_invented_and_own_data_never_mix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    users = write_csv(tmp_path / "users.csv", "users", [user(1)])
    assert run("--warehouse", tmp_path / "own", "land", "--users", users) == 0
    assert run("--warehouse", tmp_path / "own", *SMALL) == 1
    assert "must not mix" in capsys.readouterr().err
    assert not (tmp_path / "own" / "generated").exists()
    (tmp_path / "invented" / "generated").mkdir(parents=True)
    assert run("--warehouse", tmp_path / "invented", "land", "--users", users) == 1
    assert "holds demo data; load your own data into another warehouse" in capsys.readouterr().err
