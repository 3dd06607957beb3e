"""The text of a proposed source query, laid out for people to read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SourceQuery:
    """One SELECT; `columns` and `conditions` are SQL expressions, `clauses` whole clauses after the condition."""

    columns: tuple[str, ...]
    relation: str
    joins: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The query, one column a line, with a final line break."""
        lines = ["select", ",\n".join(f"    {column}" for column in self.columns), f"from {self.relation}", *self.joins]
        if self.conditions:
            lines.append(f"where {' and '.join(self.conditions)}")
        return "\n".join([*lines, *self.clauses]) + "\n"
