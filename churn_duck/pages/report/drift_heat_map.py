"""The heat map of drift: checks as rows, days as columns, verdicts as cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from churn_duck.monitoring.rows import DriftHistoryRow
from churn_duck.pages.html import number

SHOWN_DAYS, SHOWN_ROWS, SHOWN_CALM = 12, 24, 8
KINDS = {"score": "score", "label": "label rate", "volume": "data volume", "freshness": "freshness",
         "column": "missing column"}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One check on one day; `kind` is fail, warn, ok, still (at or below its floor) or none."""

    kind: str
    shown: str
    text: str


@dataclass(frozen=True)
class Line:
    """One check over the days."""

    name: str
    kind: str
    cells: list[Cell]
    is_calm: bool


@dataclass(frozen=True)
class Heat:
    """Lines with the worst first; `hidden` more lines, `hidden_loud` of them not calm."""

    days: list[date]
    earlier_days: int
    lines: list[Line]
    hidden: int
    hidden_loud: int


def heat(drift: Sequence[DriftHistoryRow]) -> Heat:
    """Returns what was WARN or FAIL on a shown day, what is not a feature, and the largest of the rest."""
    days = sorted({row["as_of_date"] for row in drift})
    shown = days[-SHOWN_DAYS:]
    by_key = {(row["name"], row["as_of_date"]): row for row in drift if row["as_of_date"] in set(shown)}
    names = sorted({name for name, _ in by_key}, key=lambda name: _rank(name, by_key, shown))
    lines = [_line(name, by_key, shown) for name in names]
    loud = [line for line in lines if not line.is_calm]
    calm = [line for line in lines if line.is_calm]
    kept = [
        *loud[:SHOWN_ROWS],
        *[line for line in calm if line.kind],
        *[line for line in calm if not line.kind][:SHOWN_CALM],
    ]
    return Heat(shown, len(days) - len(shown), kept, len(lines) - len(kept), len(loud[SHOWN_ROWS:]))


Checks = Mapping[tuple[str, date], DriftHistoryRow]


def _rank(name: str, by_key: Checks, days: Sequence[date]) -> tuple[float, float, float, str]:
    """Returns the sort key: newest verdict, then number of bad days, then largest PSI."""
    own = [by_key[name, day] for day in days if (name, day) in by_key]
    newest = by_key[name, days[-1]]["severity"] if (name, days[-1]) in by_key else 0
    bad = sum(row["severity"] for row in own if row["severity"] > 1)
    return -max(newest, 1), -bad, -max((row["psi"] or 0 for row in own), default=0), name


def _line(name: str, by_key: Checks, days: Sequence[date]) -> Line:
    own = [by_key.get((name, day)) for day in days]
    kinds = [row["kind"] for row in own if row is not None]
    calm = all(row is None or row["severity"] < 2 for row in own)
    return Line(name, KINDS.get(kinds[-1], ""), [_cell(day, row) for day, row in zip(days, own, strict=True)], calm)


def _cell(day: date, row: DriftHistoryRow | None) -> Cell:
    if row is None or row["verdict"] is None:
        return Cell("none", "", f"{day}: {row['message'] if row else 'not checked'}")
    psi, floor = row["psi"], row["floor_psi"]
    measured = f", PSI {number(psi)}, floor {number(floor)}" if psi is not None else ""
    is_still = psi is not None and floor is not None and psi <= floor
    kind = "still" if row["verdict"] == "OK" and is_still else row["verdict"].lower()
    shown = f"{psi:.2f}".removeprefix("0") if psi is not None else row["verdict"]
    return Cell(kind, shown, f"{day}: {row['verdict']}{measured}. {row['message']}")
