"""Generates the reference pages from the code: `just docs` writes them next to this file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import typer
import yaml
from churn_duck_cli import main  # noqa: F401  (importing registers the commands)
from churn_duck_cli.app import app

from churn_duck.settings.config import Settings
from churn_duck.warehouse.catalog import SqlFile, rendered, sql_files
from churn_duck.warehouse.files import write_text
from churn_duck.warehouse.raw_files import RawFiles

FOLDER = Path(__file__).parent
GENERATED = "<!-- Generated from the code by `just docs`; edit the code, not this file. -->"
# entries of lists, and parts of a section
ENTRIES = ("Source", "Attribute", "WhereAbsent", "Value")
LAYERS = {
    "00_settings": "Settings",
    "10_ingestion": "Ingestion: what has landed, and what is clean",
    "20_checks": "Checks: offending rows of each rule",
    "30_activity": "Activity and population",
    "40_features": "Features and labels",
    "50_training": "Training: datasets, models, promotions, and what drift is measured against",
    "55_evaluation": "Evaluation on test rows",
    "60_scoring": "Scoring: the ledger, the ranked list and its reasons",
    "70_monitoring": "Monitoring: drift, realised performance, and when to retrain",
    "80_pages": "Pages: what the report shows beside the rest",
    "85_backtest": "Backtest",
    "90_serving": "Serving: snapshots, runs, and metrics for Prometheus",
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
It only needs the values that differ from the defaults. Paths are relative to the current directory. An unknown key, a
wrong type or a value that is not allowed ends the command with exit code 3 and a message that says what is allowed.
`churn-duck init --users FILE --events FILE` inspects your files and writes a configuration.

The defaults are those of an e-learning business. If you set `measures`, then `ratios`, `events.types` and
`events.values` start empty too, and the values are the columns that the measures read.

Rules across keys: names are lower-case identifiers, and no two columns may have the same name; measures read declared
values, and only numbers can be summed; ratios name additive measures; a type that a measure declares
`activity: false` cannot be in `churn.activity`; each `drift.fail_...` must be greater than its `drift.warn_...`;
`features.exclude` lists features (columns of `user_features`), any but `days_since_last_activity`."""
ABOUT_COMMANDS = """In a checkout, run each command as `uv run churn-duck ...`. `--help` after a command prints what
this page says about it. Exit codes: [exit_codes.md](exit_codes.md)."""
ABOUT_VIEWS = """Everything that `churn-duck build` creates, in that order, with the default settings.
`churn-duck sql NAME` prints the statement; the same text is in `warehouse/compiled/NAME.sql`."""
COMMENT = re.compile(r"^comment on column (\w+)\.(\w+) is '((?:[^']|'')*)';", re.MULTILINE)


def generated() -> dict[str, str]:
    """Returns file name in docs/ to text."""
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
    lists = {name: part for name, part in schema["properties"].items() if part.get("type") == "array"}
    single = {name: part for name, part in schema["properties"].items() if name not in sections | lists}
    lines = [ABOUT_CONFIGURATION, *_keys(single)]
    for name, part in (sections | lists).items():
        lines += [f"## {name}", "", *_section(schema, part.get("items", part))]
    lines += ["## Entries of lists", ""]
    for title in ENTRIES:
        lines += [f"### {title}", "", *_section(schema, {"$ref": title})]
    lines += ["## Everything at its default", "", "```yaml"]
    default = Settings().model_dump(mode="json", exclude_defaults=False)
    lines += [_yaml({name: _short(value)}).rstrip() for name, value in default.items()]
    return _page("Configuration", [*lines, "```"])


def _section(schema: Mapping[str, Any], part: Mapping[str, Any]) -> list[str]:
    section = schema["$defs"][part["$ref"].rsplit("/", 1)[-1]]
    return [section["description"], *_keys(section["properties"])]


def _short(value: Any) -> Any:
    """Drops the keys of list entries that are at their default."""
    if isinstance(value, list):
        return [_short(entry) for entry in value]
    if isinstance(value, dict) and "name" in value:
        usual = dict.fromkeys(("feature", "shown", "activity"), True)
        filled = {key: part for key, part in value.items() if part not in (None, "", [])}
        return {key: part for key, part in filled.items() if part is not usual.get(key, False)}
    return {key: _short(part) for key, part in value.items()} if isinstance(value, dict) else value


def _yaml(content: Any) -> str:
    # on one line if it fits
    short = yaml.safe_dump(content, sort_keys=False, default_flow_style=True, width=1000).strip()
    return (
        short[1:-1]
        if len(short) <= 118
        else yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=116)
    )


def _keys(properties: Mapping[str, dict[str, Any]]) -> list[str]:
    rows = []
    for name, part in properties.items():
        kinds = part.get("anyOf", [part])
        default = f"`{_plain(part['default'])}`" if "default" in part else "(required)"
        default = default if _is_plain(part.get("default")) else "see below"
        rows.append((f"`{name}`", " or ".join(dict.fromkeys(map(_type, kinds))), default, "; ".join(_allowed(kinds))))
    return _table(("key", "type", "default", "allowed"), rows)


def _type(kind: Mapping[str, Any]) -> str:
    """Returns the type in a word, or a link to the section that describes it."""
    if "$ref" in kind:
        return f"[{kind['$ref'].rsplit('/', 1)[-1]}](#{kind['$ref'].rsplit('/', 1)[-1].lower()})"
    if "items" in kind:
        return f"list of {_type(kind['items'])}s".replace(")s", ")")
    return str(kind.get("type", "value")).replace("object", "mapping")


def _is_plain(value: object) -> bool:
    """Returns whether a default is short enough for a table."""
    return not isinstance(value, dict) and not (isinstance(value, list) and value and isinstance(value[0], dict))


def _allowed(kinds: Sequence[dict[str, Any]]) -> Iterator[str]:
    for kind in kinds:
        if "enum" in kind:
            yield ", ".join(f"`{value}`" for value in kind["enum"])
        yield from (text.format(kind[bound]) for bound, text in BOUNDS.items() if bound in kind)
        yield from (f"each {text}" for text in _allowed([kind["items"]] if "items" in kind else []))


def _plain(value: object) -> str:
    """Returns the value as JSON without needless quotes, which is valid YAML too."""
    return re.sub(r'"([\w.]+)"', r"\1", json.dumps(value))


def _commands() -> str:
    group: Any = typer.main.get_command(app)
    context = typer.Context(group, info_name="churn-duck")
    lines = [ABOUT_COMMANDS, "", *_contents(group), "", "## Before the command", *_options(group, context)]
    for name, command in group.commands.items():
        inner = typer.Context(command, info_name=name, parent=context)
        usage = " ".join(command.collect_usage_pieces(inner))
        lines += [f"## {name}", "", command.help, "", f"`churn-duck {name} {usage}`", *_options(command, inner)]
        lines += ["", "```console", example(command), "```", ""]
    return _page("Commands", lines)


def _contents(group: Any) -> Iterator[str]:
    """Yields one line per panel of `--help`, with a link to each of its commands."""
    panels = {command.rich_help_panel: [] for command in group.commands.values()}
    for name, command in group.commands.items():
        panels[command.rich_help_panel].append(f"[{name}](#{name})")
    yield from (f"- {panel}: {', '.join(links)}" for panel, links in panels.items())


def example(command: Any) -> str:
    """Returns the call that a command's help shows."""
    return str(command.epilog).removeprefix("Example: ")


def _options(command: Any, context: typer.Context) -> list[str]:
    records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    kept = [(f"`{names}`", " ".join(text.split())) for names, text in filter(None, records) if "--help" not in names]
    return _table(("argument or option", "meaning"), kept) if kept else []


def _views() -> str:
    texts = rendered(Settings(), RawFiles(["raw/users/*"], ["raw/events/*"], ["quarantine/*/*"]))
    lines = [ABOUT_VIEWS]
    for layer, files in groupby(sql_files(), key=lambda file: file.layer):
        lines += ["", f"## {LAYERS[layer]}", ""]
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
