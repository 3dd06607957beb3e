"""A proposed configuration as commented YAML."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from churn_duck.ingestion.propose import Proposal

WIDTH = 118


class _Dumper(yaml.SafeDumper):
    """Writes multi-line strings as blocks, so that queries are readable."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def proposal_text(proposal: Proposal) -> str:
    """The text of the file that `init` writes."""
    return "\n".join(_lines(proposal)) + "\n"


def _lines(proposal: Proposal) -> Iterator[str]:
    yield "# Proposed by `churn-duck init` from the content of the files. Read it, change it, then run:"
    yield "# churn-duck --config FILE run"
    yield "# Every key: docs/configuration.md"
    if proposal.doubts:
        yield "#"
        yield "# Unclear:"
        for doubt in proposal.doubts:
            yield from _comment(f"- {doubt}", "  ")
    for section, content in proposal.content.items():
        yield ""
        for remark in proposal.remarks.get(section, ()):
            yield from _comment(remark, "")
        yield from _section(proposal, section, content)


def _comment(text: str, indent: str) -> Iterator[str]:
    for line in textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_long_words=False):
        yield f"# {line}"


def _section(proposal: Proposal, section: str, content: Any) -> Iterator[str]:
    if section == "sources":
        yield _dumped({section: content}, flow=False)
    elif isinstance(content, list):
        yield f"{section}:" + ("" if content else " []")
        yield from _entries(proposal, section, content, "  ")
    else:
        yield f"{section}:"
        for key, value in content.items():
            is_list = isinstance(value, list) and value and isinstance(value[0], Mapping)
            yield f"  {key}:" + ("" if is_list else f" {_flow(value)}")
            if is_list:
                yield from _entries(proposal, key, value, "    ")


def _entries(proposal: Proposal, section: str, content: list[dict[str, Any]], indent: str) -> Iterator[str]:
    for entry in content:
        note = proposal.notes.get((section, entry["name"]))
        yield f"{indent}- {_flow(entry)}" + (f"  # {' '.join(note.split())}" if note else "")


def _flow(value: Any) -> str:
    return _dumped(value, flow=True).removesuffix("\n...")


def _dumped(value: Any, flow: bool) -> str:
    text = yaml.dump(value, Dumper=_Dumper, sort_keys=False, default_flow_style=flow, width=100_000, allow_unicode=True)
    return str(text).rstrip("\n")
