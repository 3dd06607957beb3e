"""The English words that suggest what a column or an event type means, from `vocabulary.yaml`."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

SHIPPED = Path(__file__).with_name("vocabulary.yaml")


@cache
def entries() -> dict[str, dict[str, Any]]:
    """The entries of the file: name to `example` and `patterns`."""
    return dict(yaml.safe_load(SHIPPED.read_text(encoding="utf-8")))


@cache
def _pattern(entry: str) -> re.Pattern[str]:
    return re.compile("|".join(entries()[entry]["patterns"]))


def suggests(entry: str, name: str) -> bool:
    """Whether an identifier contains one of the words of an entry, such as `averaged`."""
    return _pattern(entry).search(name) is not None
