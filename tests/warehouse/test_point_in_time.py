"""The world ends on the evening of the as-of date."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from churn_duck.errors import HistoryTooShort, WarehouseError
from churn_duck.evaluation.promote import promote
from churn_duck.ingestion.land import land_sources
from churn_duck.proof.generate import generate
from churn_duck.proof.synthetic import World
from churn_duck.scoring.score import score
from churn_duck.settings.config import Settings
from churn_duck.settings.load import parse_settings
from churn_duck.training.preconditions import days_needed, require_history
from churn_duck.training.train import train
from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.build import build
from churn_duck.warehouse.store import open_warehouse, working
from tests.conftest import silent
from tests.worlds import builds_until, event, user, world

AS_OF = date(2025, 6, 20)


def altered(events: Path, folder: Path, how: str) -> Path:
    """The same log with everything after AS_OF deleted, doubled in count, or given to other users and types."""
    frame = pl.read_parquet(events)
    past, future = (
        frame.filter(pl.col("event_time").dt.date() <= AS_OF),
        frame.filter(pl.col("event_time").dt.date() > AS_OF),
    )
    assert future.height > 100
    changed = {
        "deleted": future.clear(),
        "doubled": pl.concat([future, future.with_columns(pl.col("event_id") + 10_000_000)]),
        "garbled": future.with_columns(
            pl.col("user_id").reverse(), pl.lit("support_ticket").alias("event_type"), pl.col("watch_minutes") * 50
        ),
    }[how]
    folder.mkdir(parents=True, exist_ok=True)
    pl.concat([past, changed]).write_parquet(folder / "events.parquet")
    return folder / "events.parquet"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A smaller one: its whole job is run once for each future."""
    folder = tmp_path_factory.mktemp("small")
    list(generate(World(n_users=200, days=200, seed=7), folder))
    return folder


@pytest.fixture(scope="module")
def honest(small: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str]:
    return seen(small, small / "events.parquet", tmp_path_factory.mktemp("honest"))


def seen(business: Path, events: Path, folder: Path) -> tuple[str, str, str]:
    """Features, training rows and scores of a run that ends on AS_OF, as text."""
    warehouse = open_warehouse(Settings(), folder)
    land_sources(warehouse, str(business / "users.parquet"), str(events), silent)
    with working(warehouse, "test") as con:
        list(build(con, warehouse))
        train(con, warehouse, ("candidate_hgb",), AS_OF, silent)
        promote(con, warehouse, AS_OF)
        score(con, warehouse, AS_OF, None, silent)
        hashes = [
            con.execute(
                f"select md5(string_agg(t::varchar, '|' order by user_id, as_of_date)) from {name} as t"
            ).fetchall()
            for name in ("user_features_daily", "training_dataset")
        ]
        risks = con.execute("select user_id, as_of_date, churn_risk, risk_rank from scores order by all").fetchall()
    return repr(hashes[0]), repr(hashes[1]), repr(risks)


@pytest.mark.parametrize("how", ["deleted", "doubled", "garbled"])
def test_no_change_of_the_future_changes_a_feature_a_label_or_a_score(
    small: Path, honest: tuple[str, str, str], tmp_path: Path, how: str
) -> None:
    assert seen(small, altered(small / "events.parquet", tmp_path, how), tmp_path / "warehouse") == honest


def test_the_last_day_before_landing_is_the_last_complete_one(tmp_path: Path) -> None:
    today = date.today()
    rows = [event(i, 1, f"{today + timedelta(days=ahead)}T00:00:00") for i, ahead in enumerate((-3, 0, 500))]
    with world(tmp_path, [user(1)], rows) as (con, warehouse):
        assert set_as_of_date(con, warehouse, None) in (today - timedelta(days=1), today)
        assert con.execute("select count(*) from calendar").fetchall()[0][0] < 10


def test_an_as_of_date_without_data_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    rows = [event(1, 1, "2025-01-01"), event(2, 1, "2025-03-01")]
    with world(tmp_path, [user(1)], rows) as (con, warehouse):
        for impossible in (date(2024, 12, 31), date(2025, 3, 8)):
            with pytest.raises(WarehouseError, match="2025-01-01 to 2025-03-01"):
                set_as_of_date(con, warehouse, impossible)
        assert con.execute("select as_of_date from period").fetchall() == [(date(2025, 3, 1),)]
        assert set_as_of_date(con, warehouse, date(2025, 3, 7)) == date(2025, 3, 7)


def test_files_or_settings_that_changed_since_the_build_are_noticed(tmp_path: Path) -> None:
    from tests.worlds import land_rows

    with world(tmp_path, [user(1)], [event(1, 1, "2025-01-01")]) as (con, warehouse):
        other = open_warehouse(parse_settings({"churn": {"window_days": 31}}, "test"), tmp_path)
        windows = open_warehouse(parse_settings({"features": {"windows_days": [3]}}, "test"), tmp_path)
        with pytest.raises(WarehouseError, match="settings or SQL have changed"):
            set_as_of_date(con, windows, None)
        land_rows(warehouse, "users", [user(2)], "2")
        with pytest.raises(WarehouseError, match="files have landed"):
            set_as_of_date(con, warehouse, None)
        list(build(con, other))
        assert set_as_of_date(con, other, None) == date(2025, 1, 1)


def test_the_purge_keeps_every_training_label_before_the_first_test_day(looking: duckdb.DuckDBPyConnection) -> None:
    rows = looking.execute(
        "select split, min(as_of_date), max(label_end_date), count(*) from training_snapshots group by split"
    )
    parts = {row[0]: row[1:] for row in rows.fetchall()}
    assert set(parts) == {"train", "purge", "test"}
    assert parts["train"][1] < parts["test"][0]
    assert parts["test"][2] == int(0.2 * sum(part[2] for part in parts.values()))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"training": {"snapshot_every_days": 1, "test_size": 0.4}},
        {"features": {"windows_days": [3, 60]}, "churn": {"window_days": 10, "lead_days": 4}},
    ],
)
def test_the_days_said_to_be_needed_are_exactly_enough(tmp_path: Path, options: dict[str, object]) -> None:
    settings = parse_settings(options, "test")
    needed = days_needed(settings)
    for days, enough in ((needed, True), (needed - 1, False)):
        rows = [event(i, 1, date(2025, 1, 1) + timedelta(days=i)) for i in range(days)]
        with (
            builds_until("50_training/10"),
            world(tmp_path / str(days), [user(1)], rows, **options) as (con, _),
        ):
            if enough:
                require_history(con, settings)
            else:
                with pytest.raises(HistoryTooShort, match=f"{days} days .* have no label: .* need {needed} days"):
                    require_history(con, settings)
