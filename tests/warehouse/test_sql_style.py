"""The SQL reads alike: headers that say the same things in the same places, and sqlfluff over what DuckDB gets."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from sqlfluff.core import FluffConfig, Linter

from churn_duck.settings.config import Settings
from churn_duck.warehouse.catalog import SqlFile, rendered, sql_files, sql_folder
from churn_duck.warehouse.raw_files import RawFiles

RAW = RawFiles(["raw/users/*.parquet"], ["raw/events/*.parquet"], ["quarantine/*/*.parquet"])
MAX_LINE = 120
every_file = pytest.mark.parametrize("file", sql_files(), ids=lambda file: file.path.stem)


@cache
def statements() -> dict[str, str]:
    return rendered(Settings(), RAW)


@cache
def linter() -> Linter:
    return Linter(config=FluffConfig.from_path(str(sql_folder().parent)))


def findings(text: str) -> list[str]:
    # a macro's body is linted as a query of its own: sqlfluff would have all of it indented once more
    body = re.sub(r"^create or replace macro .* as table$", "--", text, flags=re.MULTILINE)
    found = linter().lint_string(body).get_violations()
    return [f"line {one.line_no} {one.rule_code()}: {one.desc()}" for one in found]


@pytest.mark.lint
@every_file
def test_sqlfluff_finds_nothing_in_the_rendered_statement(file: SqlFile) -> None:
    assert findings(statements()[file.name]) == []


def test_sqlfluff_would_find_bad_style() -> None:
    found = " ".join(findings("-- a\nSELECT  user_id u\n  , plan from users_clean as c\n"))
    assert {"CP01", "LT01", "AL02", "LT04", "AL05"} <= set(re.findall(r"[A-Z]{2}\d\d", found))


@every_file
def test_the_header_names_the_file_and_says_rows_grain_and_reads(file: SqlFile) -> None:
    first, grain, reads = file.path.read_text(encoding="utf-8").splitlines()[:3]
    assert re.fullmatch(r"\d\d_" + file.name, file.path.stem)
    assert re.fullmatch(rf"-- {file.name}: one row\b.*[^ ]\.", first)
    assert re.fullmatch(r"-- grain:  (\(one row\)|\w+(, \w+)*)", grain)
    assert re.fullmatch(r"-- reads:(  .*[^ ,])?", reads)


@every_file
def test_the_header_is_sentences_and_then_comes_the_statement(file: SqlFile) -> None:
    lines = statements()[file.name].splitlines()
    end = next(position for position, line in enumerate(lines) if not line.startswith("-- "))
    assert re.match(rf"create .*\b{file.name}\b", lines[end])
    assert end == 3 or lines[end - 1].endswith(".")


def test_every_name_is_made_once() -> None:
    names = [file.name for file in sql_files()]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("path", sorted(sql_folder().glob("*/*.*")), ids=lambda path: path.name)
def test_no_line_is_longer_than_120_characters(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [f"line {number}" for number, line in enumerate(lines, 1) if len(line) > MAX_LINE] == []
