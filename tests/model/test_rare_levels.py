"""Levels of few users are one level, in training and in the SQL that scores; unseen ones go with them."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest

from churn_duck.model.dataset import OTHER, FeatureSchema, learn_schema
from churn_duck.settings.config import Settings
from churn_duck.settings.load import parse_settings

# of 3,000 users: 1 % is 30
USERS = {"US": 2000, "UK": 930, "IN": 30, "NO": 29, "IS": 10, None: 1}


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("create table period as select date '2025-01-31' as as_of_date")
    con.execute("create table users_clean (country varchar, plan varchar, marketing_source varchar, signup_date date)")
    for country, n in USERS.items():
        con.execute(f"insert into users_clean select ?, 'free', 'ads', date '2025-01-01' from range({n})", [country])
    con.execute("insert into users_clean select 'FR', 'free', 'ads', date '2025-02-01' from range(500)")
    return con


def levels(schema: FeatureSchema, name: str) -> tuple[str, ...]:
    return dict(schema.categorical)[name]


def test_levels_below_one_percent_of_the_users_are_one(con: duckdb.DuckDBPyConnection) -> None:
    schema = learn_schema(con, Settings())
    assert levels(schema, "country") == ("IN", "UK", "US", "other")
    assert schema.pooled == ("country",)
    assert FeatureSchema.from_dict(schema.as_dict()) == schema


def test_with_few_users_a_level_needs_twenty(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("delete from users_clean where country in ('US', 'UK')")
    assert levels(learn_schema(con, Settings()), "country") == ("IN", "NO", "other")


def test_the_original_recipe_keeps_every_level(con: duckdb.DuckDBPyConnection) -> None:
    schema = learn_schema(con, parse_settings({"training": {"recipe": "original"}}, "test"))
    assert levels(schema, "country") == ("IN", "IS", "NO", "UK", "US", "missing")
    assert schema.pooled == ()


def test_sql_reads_rare_missing_and_unseen_levels_as_other_and_python_agrees() -> None:
    words = ["IN", "IS", "other", None, "XX", "US"]
    pooled = FeatureSchema((), (("country", ("IN", "US", OTHER)),), ("country",))
    plain = FeatureSchema((), (("country", ("IN", "US", OTHER)),))
    for schema, expected in ((pooled, [0, 2, 2, 2, 2, 1]), (plain, [0, np.nan, 2, np.nan, np.nan, 1])):
        values = ", ".join("(null)" if word is None else f"('{word}')" for word in words)
        codes = duckdb.sql(f"select {schema.select_list()} from (values {values}) as users (country)").df()["country"]
        assert np.array_equal(codes.to_numpy(), expected, equal_nan=True)
        known, unseen = schema.codes("country")
        found = [known.get("missing" if word is None else word, unseen) for word in words]
        assert np.array_equal(found, expected, equal_nan=True)
