"""The words of `init`: each entry matches its own example."""

from __future__ import annotations

import re

import pytest

from churn_duck.ingestion.vocabulary import entries, suggests


@pytest.mark.parametrize("entry", entries())
def test_an_entry_matches_its_example_and_no_neutral_name(entry: str) -> None:
    assert suggests(entry, entries()[entry]["example"])
    assert not suggests(entry, "colour")


@pytest.mark.parametrize("entry", entries())
def test_every_pattern_compiles_alone(entry: str) -> None:
    assert all(re.compile(pattern) for pattern in entries()[entry]["patterns"])
