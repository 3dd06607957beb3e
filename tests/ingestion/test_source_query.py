"""A proposed query reads as a person would write it."""

from __future__ import annotations

from churn_duck.ingestion.source_query import SourceQuery


def test_a_query_of_columns_alone() -> None:
    assert SourceQuery(("*", "1 as one"), "log").text == "select\n    *,\n    1 as one\nfrom log\n"


def test_joins_conditions_and_clauses_follow_in_sql_order() -> None:
    query = SourceQuery(
        ("user_id",), "people", joins=("left join firsts using (user_id)",), conditions=("a", "b"), clauses=("limit 1",)
    )
    assert query.text == (
        "select\n    user_id\nfrom people\nleft join firsts using (user_id)\nwhere a and b\nlimit 1\n"
    )
