"""What the pages say is what the program does."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from churn_duck_cli import exit_codes, main
from churn_duck_cli.app import app

from churn_duck import errors
from churn_duck.settings.config import Settings
from churn_duck.settings.load import parse_settings
from churn_duck.training.preconditions import days_needed
from churn_duck.warehouse.catalog import sql_files
from docs.make_reference import generated
from tests.test_layout import ALLOWED, GROUND
from tests.worlds import event, user, world

ROOT = Path(__file__).parent.parent
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("*/*.md")]
PICTURE_BYTES = 150_000
# quick tests that a change of the cookbook must pass, once `just docs` has run
COOKBOOK = {
    "Add a measure": ["tests/settings", "tests/test_docs.py::test_the_generated_page_is_current"],
    "Add a check": ["tests/ingestion/test_checks.py", "tests/test_docs.py::test_the_generated_page_is_current"],
    "Add a feature": [],
    "Add a metric": [],
    "Add a command": [],
    "Add a section to the report": [],
}


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, *languages: str) -> list[str]:
    return re.findall(rf"^```(?:{'|'.join(languages)})\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def command_lines(text: str) -> list[list[str]]:
    """Every call of churn-duck in console and sh blocks, as words after `churn-duck`."""
    found = []
    for line in "".join(blocks(text, "console", "sh")).replace("\\\n", " ").splitlines():
        for call in re.split(r"&&|[|;]", line):
            words = shlex.split(call, comments=True)
            for start in (["churn-duck"], ["uv", "run", "churn-duck"]):
                if words[: len(start)] == start:
                    found.append(words[len(start) :])
    return found


@cache
def group() -> Any:
    return typer.main.get_command(app)


def parse(words: list[str]) -> None:
    """Parse without running; a usage error raises."""
    position = next((i for i, word in enumerate(words) if word in group().commands), None)
    if position is None:
        raise typer.BadParameter(f"there is no command in: {shlex.join(words)}")
    outer = group().make_context("churn-duck", words[: position + 1])
    group().commands[words[position]].make_context(words[position], words[position + 1 :], parent=outer)


@pytest.mark.parametrize("name", generated())
def test_the_generated_page_is_current(name: str) -> None:
    assert page(f"docs/{name}") == generated()[name], "run: just docs"


def test_every_command_is_in_the_reference_and_in_the_table_of_the_readme() -> None:
    commands = set(group().commands)
    assert set(re.findall(r"^## ([\w-]+)$", page("docs/cli.md"), re.MULTILINE)) == commands
    assert set(re.findall(r"^\| `([\w-]+)` \|", page("README.md"), re.MULTILINE)) == commands


def test_every_view_is_described() -> None:
    described = re.findall(r"^### (\w+)$", page("docs/views.md"), re.MULTILINE)
    assert described == [file.name for file in sql_files()]


def test_every_key_of_the_configuration_is_described() -> None:
    text = page("docs/configuration.md")
    keys = [key for section in Settings().model_dump().values() if isinstance(section, dict) for key in section]
    assert [key for key in keys if f"| `{key}` |" not in text] == []


@pytest.mark.parametrize("name", ["README.md", "docs/configuration.md"])
def test_the_defaults_that_are_shown_are_the_defaults(name: str) -> None:
    (block,) = blocks(page(name), "yaml")
    shown = yaml.safe_load(block)
    assert parse_settings(shown, name).model_dump() == Settings().model_dump()
    described = {"users", "events", "measures", "ratios"} if name == "README.md" else set()
    assert set(shown) == set(Settings.model_fields) - described


def test_every_configuration_in_the_guide_is_valid() -> None:
    shown = blocks(page("docs/own_data.md"), "yaml")
    assert len(shown) > 3
    for block in shown:
        parse_settings(yaml.safe_load(block), "docs/own_data.md")


def test_the_rules_across_keys_are_as_described() -> None:
    for what in ("psi", "unseen", "volume"):
        with pytest.raises(errors.ConfigError, match=f"fail_{what} is .* must be greater than warn_{what}"):
            parse_settings(
                {"drift": {f"warn_{what}": 0.9 + (what == "volume"), f"fail_{what}": 0.9 + (what == "volume")}}, "test"
            )


def test_the_tree_in_the_readme_is_the_folder() -> None:
    (tree,) = [block for block in blocks(page("README.md"), "text") if "pyproject.toml" in block]
    named = {line.split()[0] for line in tree.splitlines()}
    ignored = {line.strip("/\n") for line in page(".gitignore").splitlines()}
    there = {path.name + "/" * path.is_dir() for path in ROOT.iterdir() if path.name not in ignored}
    assert named == {name for name in there if not name.startswith(".")}


def test_every_sql_block_of_the_readme_runs_on_a_small_warehouse(tmp_path: Path) -> None:
    queries = blocks(page("README.md"), "sql")
    rows = [event(1, 1, "2025-01-01T12:00:00"), event(2, 1, "2025-12-31T12:00:00")]
    with world(tmp_path, [user(1)], rows) as (con, _):
        for query in queries:
            con.execute(query).fetchall()
        found = con.execute(queries[0]).fetchall()
    assert len(queries) > 1
    assert len(found) == 1


def test_every_call_that_is_shown_parses() -> None:
    for path in PAGES:
        for words in command_lines(path.read_text(encoding="utf-8")):
            parse(words)


def test_the_readme_shows_calls_and_a_wrong_one_would_not_parse() -> None:
    assert ["demo"] in command_lines(page("README.md"))
    for wrong in (
        "scor",
        "score --as-off 2025-01-01",
        "score --as-of yesterday",
        "export eligible",
        "--wharehouse w run",
    ):
        with pytest.raises(main.UsageError):
            parse(wrong.split())


def test_the_exit_codes_are_those_of_the_program() -> None:
    used = {
        0,
        errors.ChurnDuckError.exit_code,
        exit_codes.NOT_PROMOTED,
        exit_codes.DRIFTED,
        main.USAGE,
        main.INTERRUPTED,
    }
    used |= {error.exit_code for error in errors.ChurnDuckError.__subclasses__()}
    raised = {code for path in (ROOT / "cli").rglob("*.py") for code in re.findall(r"Exit\((\w+)", path.read_text())}
    listed = [int(code) for code in re.findall(r"^\| (\d+) \|", page("docs/exit_codes.md"), re.MULTILINE)]
    assert raised == {"NOT_PROMOTED", "DRIFTED"}
    assert listed == sorted(used)


def test_the_days_of_history_in_the_readme_are_those_that_training_asks_for() -> None:
    assert f"need {days_needed(Settings())} days of events" in page("README.md")


def test_the_page_in_the_warehouse_names_everything_that_a_build_leaves_there(tmp_path: Path) -> None:
    text = page("warehouse/README.md")
    with world(tmp_path / "w", [user(1)], [event(1, 1, "2025-01-01T12:00:00")]) as (_, warehouse):
        left = {path.name for path in warehouse.root.iterdir() if path.suffix != ".csv"}
        left |= {warehouse.models.name, warehouse.predictions.name, warehouse.reports.name}
    assert [name for name in left if f"`{name}" not in text] == []


def anchors(text: str) -> set[str]:
    """What GitHub calls the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_links_between_the_pages_lead_somewhere() -> None:
    for path in PAGES:
        for link, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", path.read_text(encoding="utf-8")):
            target = path.parent / link if link else path
            assert target.exists(), f"{path.name}: {link}"
            assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), f"{path.name}: {link}#{anchor}"


def test_the_index_lists_every_page() -> None:
    named = set(re.findall(r"\]\((\w+\.md)\)", page("docs/README.md")))
    assert named == {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}


def test_the_wings_in_the_architecture_are_those_of_the_folders_and_of_the_imports() -> None:
    rows = re.findall(r"^\| `(\w+)/` \|[^|]*\|([^|]*)\|([^|]*)\|", page("docs/architecture.md"), re.MULTILINE)
    allowed = {wing: set(re.findall(r"`(\w+)`", names)) for wing, _, names in rows}
    assert allowed == {wing: names for wing, names in ALLOWED.items() if wing not in GROUND}
    assert set(allowed) == {path.parent.name for path in (ROOT / "churn_duck").glob("*/__init__.py")}
    folders = sorted(folder for _, names, _ in rows for folder in re.findall(r"`(\w+)`", names))
    assert folders == sorted(path.name for path in (ROOT / "sql").glob("[0-9]*"))


def test_the_pictures_of_the_readme_are_small_and_there_is_no_other() -> None:
    shown = set(re.findall(r"!\[[^]]+\]\((docs/images/[\w.]+)\)", page("README.md")))
    assert shown == {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs" / "images").iterdir()}
    assert all((ROOT / name).stat().st_size < PICTURE_BYTES for name in shown)


def cookbook() -> dict[str, str]:
    """Heading in CONTRIBUTING.md to the diff below it."""
    sections = re.split(r"^### (.+)\n", page("CONTRIBUTING.md"), flags=re.MULTILINE)[1:]
    texts = dict(zip(sections[::2], sections[1::2], strict=True))
    return {heading: diff for heading, text in texts.items() for diff in blocks(text, "diff")}


def copy_repository(place: Path) -> None:
    """The tracked files as they are on disk."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)


def test_every_change_of_the_cookbook_is_tried() -> None:
    assert list(cookbook()) == list(COOKBOOK)


@pytest.mark.whole
@pytest.mark.timeout(900)
@pytest.mark.parametrize("heading", COOKBOOK)
def test_a_change_of_the_cookbook_applies_and_its_tests_pass(tmp_path: Path, heading: str) -> None:
    copy_repository(tmp_path)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(tmp_path / "cli")]),
        # outside any repository, so that paths are taken as they are
        "GIT_CEILING_DIRECTORIES": str(tmp_path.parent),
    }

    def run(*words: str, text: str = "") -> None:
        done = subprocess.run(
            words, cwd=tmp_path, env=environment, input=text, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    run("git", "apply", "--recount", "--verbose", "-", text=cookbook()[heading])
    if COOKBOOK[heading]:
        run(sys.executable, "docs/make_reference.py")
        run(sys.executable, "-m", "pytest", "-n", "0", *COOKBOOK[heading])
