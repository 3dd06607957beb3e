"""Work that is shared out by users gives what it would give in one piece, and a sample is of whole users and told."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import duckdb
import numpy as np
import pytest

from churn_duck.model.dataset import Rows, learn_schema, read_rows
from churn_duck.model.sampling import affordable_share, duckdb_at_rest, memory_bytes
from churn_duck.settings.config import Settings
from churn_duck.settings.load import parse_settings
from churn_duck.warehouse.export import export
from churn_duck.warehouse.user_batches import DATES, parts

SETTINGS = Settings()


def key(rows: Rows) -> list[tuple[float, ...]]:
    """Rows as sorted tuples, without the numbers of users, which depend on the parts."""
    whole = np.column_stack([np.nan_to_num(rows.features, nan=-1), rows.label, rows.recency])
    return sorted(map(tuple, whole.tolist()))


@pytest.mark.parametrize("dataset", DATES)
@pytest.mark.parametrize("pairs", [150, 10**9])
def test_parts_hold_every_user_once(looking: duckdb.DuckDBPyConnection, dataset: str, pairs: int) -> None:
    with patch("churn_duck.warehouse.user_batches.PAIRS", pairs):
        found = list(parts(looking, dataset))
    assert (found[0].first, found[-1].last) == (0, 255)
    assert all(before.last + 1 == after.first for before, after in pairwise(found))
    assert (len(found) == 1) == (pairs == 10**9)


@pytest.mark.parametrize("dataset", ["training_dataset", "evaluation_dataset"])
def test_rows_read_in_parts_are_the_rows_read_at_once(looking: duckdb.DuckDBPyConnection, dataset: str) -> None:
    schema = learn_schema(looking, SETTINGS)
    whole = read_rows(looking, schema, dataset)
    with patch("churn_duck.warehouse.user_batches.PAIRS", 700):
        shared = read_rows(looking, schema, dataset)
    assert len(np.unique(shared.user)) == len(np.unique(whole.user))
    assert key(shared) == key(whole)


def test_an_export_in_parts_is_the_view(looking: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    with patch("churn_duck.warehouse.user_batches.PAIRS", 700):
        rows = export(looking, "training_dataset", tmp_path / "t.parquet")
    differ = looking.execute(
        f"select count(*) from (from '{tmp_path}/t.parquet' except all from training_dataset)"
    ).fetchall()[0][0]
    assert (rows, differ) == (looking.execute("select count(*) from training_dataset").fetchall()[0][0], 0)


def test_a_share_is_of_whole_users_and_a_larger_one_holds_the_smaller(looking: duckdb.DuckDBPyConnection) -> None:
    counted = "select user_id, count(*) from training_dataset {} group by user_id"
    whole = dict(looking.execute(counted.format("")).fetchall())
    held: list[set[tuple[int, int]]] = []
    for share in (0.25, 0.5):
        where = " or ".join(part.where for part in parts(looking, "training_dataset", share))
        held.append(set(looking.execute(counted.format(f"where {where}")).fetchall()))
        assert all(whole[user] == rows for user, rows in held[-1])
        assert len(held[-1]) == pytest.approx(share * len(whole), rel=0.25)
    assert held[0] < held[1]


def test_more_rows_than_allowed_are_sampled_and_it_is_said(looking: duckdb.DuckDBPyConnection) -> None:
    schema, told = learn_schema(looking, SETTINGS), []
    few = parse_settings({"training": {"max_rows": 1000}}, "test")
    share = affordable_share(looking, few, schema, told.append)
    assert 0 < share < 1
    assert "rows exceed the 1,000 that training.max_rows allows" in told[0]
    assert f"a random {share:.1%} of the users" in told[0]
    assert affordable_share(looking, SETTINGS, schema, told.append) == 1.0
    assert len(told) == 1
    rows = read_rows(looking, schema, "training_dataset", share=share)
    assert rows.share == share
    assert len(rows) <= 1300


def test_little_memory_makes_the_sample(looking: duckdb.DuckDBPyConnection) -> None:
    schema, told = learn_schema(looking, SETTINGS), []
    with patch("churn_duck.model.sampling.memory_bytes", lambda con: 5e6):
        assert affordable_share(looking, SETTINGS, schema, told.append) < 1
    assert "fit into the memory" in told[0]


def test_duckdb_rests_while_models_learn_and_has_its_memory_back_afterwards(
    looking: duckdb.DuckDBPyConnection,
) -> None:
    before = memory_bytes(looking)
    with duckdb_at_rest(looking):
        assert memory_bytes(looking) < 3e8
        assert looking.execute("select count(*) from models").fetchall()[0][0] > 0
    assert memory_bytes(looking) == pytest.approx(before, rel=0.01)
