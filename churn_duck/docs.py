"""The reference pages that are made from the code: `python -m churn_duck.docs` writes them into docs/ of a checkout."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import typer

from churn_duck.catalog import RawFiles, SqlFile, rendered, sql_files
from churn_duck.config import Settings
from churn_duck.files import write_text

FOLDER = Path(__file__).parent.parent / "docs"
GENERATED = "<!-- Made from the code by `just docs`; change the code, not this file. -->"
LAYERS = {
    "0": "Parameters",
    "1": "Raw and clean",
    "2": "Checks",
    "3": "Activity and population",
    "4": "Features",
    "5": "Labels",
    "6": "Datasets",
    "7": "Drift",
    "8": "Models, scores and performance",
}
BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
    "minItems": "{} or more entries",
    "maxItems": "{} or fewer entries",
    "pattern": "like `{}`",
}
ABOUT_CONFIGURATION = """One YAML file, named by `--config FILE` or by the environment variable `CHURN_DUCK_CONFIG`.
It holds only what differs from the defaults. Paths are relative to the folder in which the command runs. An unknown
key, a wrong type or a value that is not allowed ends the command with exit code 3 and says what is allowed.

Two rules go across keys: `drift.fail_psi` must exceed `drift.warn_psi`, and `features.exclude` takes names of features
(columns of `user_features`), all but `days_since_last_activity`."""
ABOUT_COMMANDS = """In a checkout each command is `uv run churn-duck ...`. `--help` after any command shows what stands
here. Exit codes: [exit_codes.md](exit_codes.md)."""
ABOUT_VIEWS = """Everything that `churn-duck build` makes, in that order, as the default settings make it.
`churn-duck sql NAME` prints the statement; the same text lies in `warehouse/compiled/NAME.sql`."""
COMMENT = re.compile(r"^comment on column (\w+)\.(\w+) is '((?:[^']|'')*)';", re.MULTILINE)


def generated() -> dict[str, str]:
    """File name in docs/ to its text."""
    return {"configuration.md": _configuration(), "cli.md": _commands(), "views.md": _views()}


def _page(title: str, lines: Iterable[str]) -> str:
    text = "\n".join([f"# {title}", "", GENERATED, "", *lines])
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [columns, ["---"] * len(columns), *rows]
    return ["", *("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines), ""]


def _configuration() -> str:
    schema = Settings.model_json_schema()
    sections = {name: part for name, part in schema["properties"].items() if "$ref" in part}
    single = {name: part for name, part in schema["properties"].items() if name not in sections}
    lines = [ABOUT_CONFIGURATION, *_keys(single)]
    for name, part in sections.items():
        section = schema["$defs"][part["$ref"].rsplit("/", 1)[-1]]
        lines += [f"## {name}", "", section["description"], *_keys(section["properties"])]
    lines += ["## Everything at its default", "", "```yaml"]
    lines += [f"{name}: {_plain(part['default'])}" for name, part in schema["properties"].items()]
    return _page("Configuration", [*lines, "```"])


def _keys(properties: Mapping[str, dict[str, Any]]) -> list[str]:
    rows = []
    for name, part in properties.items():
        kinds = part.get("anyOf", [part])
        types = [f"list of {kind['items']['type']}s" if "items" in kind else kind["type"] for kind in kinds]
        rows.append((f"`{name}`", " or ".join(types), f"`{_plain(part['default'])}`", "; ".join(_allowed(kinds))))
    return _table(("key", "type", "default", "allowed"), rows)


def _allowed(kinds: Sequence[dict[str, Any]]) -> Iterator[str]:
    for kind in kinds:
        if "enum" in kind:
            yield ", ".join(f"`{value}`" for value in kind["enum"])
        yield from (text.format(kind[bound]) for bound, text in BOUNDS.items() if bound in kind)
        yield from (f"each {text}" for text in _allowed([kind["items"]] if "items" in kind else []))


def _plain(value: object) -> str:
    """JSON that YAML reads too, written as people write YAML."""
    return re.sub(r'"([\w.]+)"', r"\1", json.dumps(value))


def _commands() -> str:
    # only here: the command line stands on the library, so the library must not need it to be imported
    import cli.main  # noqa: F401, PLC0415  (importing registers the commands)
    from cli.app import app  # noqa: PLC0415

    group: Any = typer.main.get_command(app)
    context = typer.Context(group, info_name="churn-duck")
    lines = [ABOUT_COMMANDS, "", "## Before the command", *_options(group, context)]
    for name, command in group.commands.items():
        inner = typer.Context(command, info_name=name, parent=context)
        usage = " ".join(command.collect_usage_pieces(inner))
        lines += [f"## {name}", "", command.help, "", f"`churn-duck {name} {usage}`", *_options(command, inner)]
    return _page("Commands", lines)


def _options(command: Any, context: typer.Context) -> list[str]:
    records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    kept = [(f"`{names}`", " ".join(text.split())) for names, text in filter(None, records) if "--help" not in names]
    return _table(("argument or option", "meaning"), kept) if kept else []


def _views() -> str:
    texts = rendered(Settings(), RawFiles(["raw/users/*"], ["raw/events/*"], ["quarantine/*/*"]))
    lines = [ABOUT_VIEWS]
    for layer, files in groupby(sql_files(), key=lambda file: file.path.name[0]):
        lines += ["", f"## {LAYERS.get(layer, f'Layer {layer}')}", ""]
        for file in files:
            lines += _view(file, texts[file.name])
    return _page("Views, tables and macros", lines)


def _view(file: SqlFile, text: str) -> list[str]:
    header = [line.removeprefix("-- ") for line in text[: text.index("\ncreate ")].splitlines()]
    reads = [f"`{name}`" for name in header[2].removeprefix("reads:").strip().split(", ") if name]
    comments = [(f"`{column}`", note.replace("''", "'")) for _, column, note in COMMENT.findall(text)]
    lines = [f"### {file.name}", "", f"{file.kind.capitalize()}: {file.rows}", ""]
    lines += [f"Grain: {', '.join(f'`{column}`' for column in file.grain) or 'one row'}.  "]
    lines += [f"Reads: {', '.join(reads) or 'nothing'}.", "", " ".join(header[3:]), ""]
    if file.kind == "macro":
        readers = [f"[`{view.name}`](#{view.name})" for view in sql_files() if file.name in view.reads.split(", ")]
        lines += [f"Its columns are described at the views over it: {', '.join(readers)}.", ""]
    return [*lines, *(_table(("column", "meaning"), comments) if comments else [])]


if __name__ == "__main__":
    for file_name, content in generated().items():
        write_text(FOLDER / file_name, content)
