"""The invented world: reproducible, in the contract's shape, with a truth that stays apart."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
import typer
from churn_duck_cli import main  # noqa: F401  (importing registers the commands)
from churn_duck_cli.app import app

from churn_duck.errors import ConfigError
from churn_duck.ingestion.validate import validate
from churn_duck.jobs.run import Ran
from churn_duck.proof.generate import generate
from churn_duck.proof.synthetic import World
from churn_duck.settings.config import Settings
from churn_duck.warehouse.files import sha256
from churn_duck.warehouse.store import Warehouse, connected, open_warehouse

FILES = ("users.parquet", "events.parquet", "truth.parquet")


def test_the_same_seed_gives_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        list(generate(World(n_users=50, days=40, seed=seed), tmp_path / name))
    digests = [[sha256(tmp_path / name / file) for file in FILES] for name in "abc"]
    assert digests[0] == digests[1]
    assert not set(digests[0]) & set(digests[2])


def test_generated_data_breaks_no_rule(ran: tuple[Warehouse, Ran]) -> None:
    warehouse = open_warehouse(Settings(), ran[0].root)
    with connected(warehouse) as con:
        assert {rule.verdict for rule in validate(con, warehouse)} == {"pass"}


def test_activity_fades_before_a_user_leaves_and_stops_after(tmp_path: Path) -> None:
    list(generate(World(n_users=1500, days=300, seed=5), tmp_path))
    gone = f"""from '{tmp_path}/events.parquet' as e join '{tmp_path}/truth.parquet' as t using (user_id)
        where cause = 'lost interest' and departure_date between date '2025-04-01' and date '2025-09-01'"""
    ago = "date_diff('day', cast(event_time as date), departure_date)"
    count = f"count(distinct (user_id, cast(event_time as date))) filter (where {ago} between"
    early, late = duckdb.sql(f"select {count} 61 and 70), {count} 1 and 10) {gone}").fetchall()[0]
    after = duckdb.sql(
        f"select count(*) {gone} and {ago} <= 0 and (return_date is null or cast(event_time as date) < return_date)"
    ).fetchall()
    assert late < 0.6 * early
    assert after == [(0,)]
    causes = duckdb.sql(
        f"select cause, count(*), count(return_date) from '{tmp_path}/truth.parquet' group by 1"
    ).fetchall()
    assert {row[0] for row in causes} == {"lost interest", "failed payment", None}
    assert all(row[2] > 0 for row in causes if row[0])


def test_people_sign_up_all_year_and_nobody_acts_before(tmp_path: Path) -> None:
    list(generate(World(n_users=500, days=200), tmp_path))
    users = pl.read_parquet(tmp_path / "users.parquet")
    assert users.filter(pl.col("signup_date") >= date(2025, 1, 1)).height > 100
    early = duckdb.sql(f"""select count(*) from '{tmp_path}/events.parquet' join '{tmp_path}/users.parquet'
        using (user_id) where cast(event_time as date) < signup_date""").fetchall()
    assert early == [(0,)]
    assert "engagement_score" not in users.columns


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """A year of 1,500 users as views; `present` are days on which a user was there and had not begun to fade."""
    folder = tmp_path_factory.mktemp("year")
    list(generate(World(n_users=1500, days=365, seed=3), folder))
    con = duckdb.connect()
    for file in FILES:
        con.execute(f"create view {Path(file).stem} as from '{folder / file}'")
    con.execute("""create table present as
        select user_id, cast(day as date) as day, e.user_id is not null as active
        from users
        join truth using (user_id)
        join range(date '2025-01-01', date '2026-01-01', interval 1 day) as days (day)
            on day >= signup_date and day < coalesce(fade_start_date, departure_date, date '2026-01-01')
        left join (select distinct user_id, cast(event_time as date) as day from events) as e using (user_id, day)""")
    return con


def rates(con: duckdb.DuckDBPyConnection, part: str) -> dict[int, float]:
    """Share of present users who are active, by part of the date."""
    return dict(con.execute(f"select {part}(day), avg(active::int) from present group by all").fetchall())


def test_weeks_and_years_have_their_rhythm(year: duckdb.DuckDBPyConnection) -> None:
    weekday, month = rates(year, "isodow"), rates(year, "month")
    assert max(weekday[6], weekday[7]) < 0.75 * min(weekday[day] for day in range(1, 6))
    assert min(month[1], month[2]) > 1.2 * max(month[7], month[8])


def test_signups_are_spread_over_the_whole_period(year: duckdb.DuckDBPyConnection) -> None:
    months = dict(
        year.execute(
            "select month(signup_date), count(*) from users where signup_date >= '2025-01-01' group by all"
        ).fetchall()
    )
    assert set(months) == set(range(1, 13))
    assert min(months.values()) > 0.5 * max(months.values())


def test_users_leave_after_a_failed_payment_far_more_often_than_after_one_that_went_through(
    year: duckdb.DuckDBPyConnection,
) -> None:
    left = dict(
        year.execute("""select
                event_type, avg(coalesce(departure_date - cast(event_time as date) between 1 and 7, false)::int)
            from events join truth using (user_id) where event_type like 'payment%' group by all""").fetchall()
    )
    assert 0.35 < left["payment_failed"] < 0.55
    assert left["payment_success"] < 0.1


def test_some_of_both_kinds_of_leavers_come_back_after_a_month(year: duckdb.DuckDBPyConnection) -> None:
    back = year.execute("""select cause, avg((return_date is not null)::int), min(return_date - departure_date)
        from truth where departure_date < '2025-08-01' group by all""").fetchall()
    assert {cause for cause, *_ in back} == {"lost interest", "failed payment"}
    assert all(0.05 < share < 0.3 and days > 30 for _, share, days in back)


def test_what_only_the_truth_knows_stands_in_no_other_file(year: duckdb.DuckDBPyConnection) -> None:
    columns = {file: set(year.sql(f"from {Path(file).stem}").columns) for file in FILES}
    latent = columns["truth.parquet"] - {"user_id"}
    assert latent == {"interest", "fade_start_date", "departure_date", "cause", "return_date"}
    assert not latent & (columns["users.parquet"] | columns["events.parquet"])


def test_the_demo_invents_a_year() -> None:
    command: Any = typer.main.get_command(app)
    assert {option.name: option.default for option in command.commands["demo"].params}["days"] == 365


def test_nothing_reads_the_truth(ran: tuple[Warehouse, Ran]) -> None:
    compiled = "".join(path.read_text() for path in ran[0].compiled.glob("*.sql"))
    assert compiled
    assert "truth" not in compiled
    assert "interest" not in compiled


def test_more_users_than_a_chunk_are_numbered_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("churn_duck.proof.generate.CHUNK_USERS", 40)
    assert list(generate(World(n_users=100, days=30), tmp_path)) == [40, 80, 100]
    assert pl.read_parquet(tmp_path / "users.parquet")["user_id"].to_list() == list(range(1, 101))
    events = pl.read_parquet(tmp_path / "events.parquet")["event_id"]
    assert events.to_list() == list(range(1, len(events) + 1))


@pytest.mark.parametrize("wrong", [{"n_users": 0}, {"days": 0}, {"paid_ratio": 1.5}, {"churn_base_rate": -0.1}])
def test_an_impossible_world_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=str(next(iter(wrong.values())))):
        World(**wrong)  # type: ignore[arg-type]
