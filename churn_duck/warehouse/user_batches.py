"""Reads a dataset in parts by user, so that memory depends on the part and not on the dataset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import duckdb

from churn_duck.settings.view_columns import BUCKETS

# user-days in one part: its tables of 50 columns then take a few hundred megabytes
PAIRS = 400_000
# datasets with a row for every user and date, and the query for their number of dates
DATES = {
    "training_dataset": "select count(*) from training_snapshots",
    "evaluation_dataset": "select count(*) from training_snapshots where split in ('test', 'by_user')",
    "scoring_dataset": "select 1",
}


@dataclass(frozen=True)
class Part:
    """The users with first <= user_bucket <= last."""

    first: int
    last: int

    @property
    def where(self) -> str:
        """The condition, which DuckDB pushes down to every table that it reads."""
        return f"user_bucket between {self.first} and {self.last}"


def parts(con: duckdb.DuckDBPyConnection, dataset: str, share: float = 1.0) -> Iterator[Part]:
    """Parts that together hold `share` of the users, each user once."""
    users, dates = con.execute(f"select (select count(*) from users_clean), ({DATES[dataset]})").fetchall()[0]
    buckets = max(1, round(share * BUCKETS))
    count = min(buckets, max(1, -(-int(users * dates * share) // PAIRS)))
    edges = [buckets * part // count for part in range(count + 1)]
    for first, after in pairwise(edges):
        yield Part(first, after - 1)
