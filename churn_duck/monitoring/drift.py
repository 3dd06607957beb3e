"""How far the eligible rows of one day have moved from those that the production model learned from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

import duckdb

from churn_duck.errors import ModelError
from churn_duck.model.registry import require_production
from churn_duck.progress import Progress
from churn_duck.settings.view_columns import kept_feature_columns
from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.files import write_json
from churn_duck.warehouse.store import Warehouse, transaction, utc_now

Status = Literal["OK", "WARN", "FAIL"]
WORST_FIRST: tuple[Status, ...] = ("FAIL", "WARN", "OK")
PRODUCTION = "current_production"
# why there was nothing to compare
SILENT = {
    "score": "production has not scored this day",
    "label": "no label has matured since the reference",
}


@dataclass(frozen=True)
class Verdict:
    """What one check says; `verdict` None: there was nothing to compare. A PSI at or below its floor is no news."""

    name: str
    kind: str
    verdict: Status | None
    psi: float | None
    floor_psi: float | None
    message: str


@dataclass(frozen=True)
class Checked:
    """One day against the reference of the production model."""

    as_of_date: date
    model_version: str
    verdicts: list[Verdict]

    @property
    def status(self) -> Status:
        """The worst verdict of all."""
        return next((one for one in WORST_FIRST if any(v.verdict == one for v in self.verdicts)), "OK")

    def names(self, verdict: Status) -> list[str]:
        """What got this verdict."""
        return [one.name for one in self.verdicts if one.verdict == verdict]


def drift(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, progress: Progress) -> Checked:
    """Compare one day with the reference, keep the verdicts, and write `reports/data_drift_latest.json`.

    Raises: ModelError when no model is in production, or it has no reference, or it has seen later days.
    """
    found = check(con, warehouse, as_of, progress)
    progress("writing the report")
    _keep(con, found)
    content = report(con, found)
    for name in (f"data_drift_{found.as_of_date}.json", "data_drift_latest.json"):
        write_json(warehouse.reports / name, content)
    return found


def check(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, progress: Progress) -> Checked:
    """The verdicts alone, nothing kept. Raises: ModelError as `drift` does."""
    version = require_production(con, warehouse)
    end = see_watched_world(con, warehouse, as_of)
    if version.as_of_date > end:
        raise ModelError(
            f"production {version.model_version} has seen data up to {version.as_of_date}, after {end}; "
            "take a later --as-of: a day must not be compared with itself"
        )
    if not _rows(con, f"select feature from drift_reference semi join {PRODUCTION} using (model_version) limit 1"):
        raise ModelError(
            f"production {version.model_version} has no reference of drift, being older than that; "
            "run: churn-duck train, then churn-duck promote"
        )
    progress("comparing the day with the reference")
    return Checked(end, version.model_version, verdicts(con, warehouse))


def see_watched_world(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None) -> date:
    """See the day that was asked for, else the last complete day, or the last scored one where events end before it.

    A log that has fallen silent must not move the day back to when it was still well.
    """
    end = set_as_of_date(con, warehouse, as_of, even_if_silent=True)
    (last,) = _rows(con, "select max(as_of_date) from scores")[0]
    if as_of is None and last is not None and last > end:
        end = set_as_of_date(con, warehouse, last, even_if_silent=True)
    return end


def verdicts(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> list[Verdict]:
    """Every check on the day that the views show, the worst first."""
    there = {row[0] for row in _rows(con, "select column_name from (describe scoring_dataset)")}
    found = [*_gone(con, there), *_volumes(con)]
    # with a column gone that the views name, only what needs no columns can be said
    if there >= set(kept_feature_columns(warehouse.settings)):
        known = {one.name for one in found}
        found += [one for one in _features(con) if one.name not in known]
    order = {verdict: place for place, verdict in enumerate(WORST_FIRST)}
    return sorted(found, key=lambda one: (order.get(one.verdict or "OK", 2), -(one.psi or 0), one.name))


def _gone(con: duckdb.DuckDBPyConnection, there: set[str]) -> list[Verdict]:
    """Features of the model that the rows lack, and columns that the newest landing lacked."""
    features = _rows(
        con,
        f"""select feature from drift_reference semi join {PRODUCTION} using (model_version)
        where kind in ('number', 'category')""",
    )
    lost = [(name, "the model reads it, the rows to score lack it") for (name,) in features if name not in there]
    landed = _rows(con, "select source_table || '.' || column_name, source_file from drift_columns order by all")
    lost += [(name, f"{file} lacks it") for name, file in landed]
    return [Verdict(name, "column", "FAIL", None, None, message) for name, message in lost]


def _volumes(con: duckdb.DuckDBPyConnection) -> list[Verdict]:
    found = []
    for name, expected, now, verdict in _rows(con, "select quantity, expected, found, verdict from drift_volume"):
        if name == "silent_days":
            message = f"{now or 0:.0f} days without an event; the most in the year before was {expected:.0f}"
            found.append(Verdict(name, "freshness", verdict, None, None, message))
        else:
            found.append(Verdict(name, "volume", verdict, None, None, f"{now:,.0f}, expected {expected:,.0f}"))
    return found


def _features(con: duckdb.DuckDBPyConnection) -> list[Verdict]:
    return [
        Verdict(name, kind, verdict, psi, floor, moved if psi is not None else SILENT.get(kind, "no rows to compare"))
        for name, kind, verdict, psi, floor, moved in _rows(
            con, "select feature, kind, verdict, psi, floor_psi, moved from drift_psi order by feature"
        )
    ]


def _keep(con: duckdb.DuckDBPyConnection, found: Checked) -> None:
    key = [found.as_of_date, found.model_version]
    with transaction(con):
        con.execute("delete from drift_reports where as_of_date = ? and model_version = ?", key)
        con.executemany(
            "insert into drift_reports values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [[*key, *asdict(one).values(), utc_now()] for one in found.verdicts],
        )


def report(con: duckdb.DuckDBPyConnection, found: Checked) -> dict[str, Any]:
    """JSON-ready: the contract's keys first, then everything else."""
    watched = [one for one in found.verdicts if one.kind in ("number", "category") and one.psi is not None]
    by_feature = {one.name: one.psi or 0.0 for one in sorted(watched, key=lambda one: -(one.psi or 0.0))}
    first, last, users = _rows(
        con,
        f"""select min(first_as_of_date), max(last_as_of_date), max(users)
        from drift_reference semi join {PRODUCTION} using (model_version)""",
    )[0]
    return {
        "status": found.status,
        "overall_max_psi": max(by_feature.values(), default=None),
        "psi_by_feature": by_feature,
        "baseline": f"drift_bins of {found.model_version}",
        "current": f"scoring_dataset at {found.as_of_date}",
        "as_of_date": found.as_of_date,
        "model_version": found.model_version,
        "reference": {"first_as_of_date": first, "last_as_of_date": last, "users": users},
        "failed": found.names("FAIL"),
        "warned": found.names("WARN"),
        "verdicts": [asdict(one) for one in found.verdicts],
    }


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return con.execute(query).fetchall()
