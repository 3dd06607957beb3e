"""Drift: how far the eligible rows of one day are from the training rows of the production model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, cast

import duckdb

from churn_duck.errors import ModelError
from churn_duck.model.registry import require_production
from churn_duck.monitoring.rows import DriftReport, DriftVerdictRow, Status
from churn_duck.progress import Progress
from churn_duck.settings.view_columns import kept_feature_columns
from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.files import write_json
from churn_duck.warehouse.store import Warehouse, transaction, utc_now

WORST_FIRST: tuple[Status, ...] = ("FAIL", "WARN", "OK")
PRODUCTION = "current_production"
# message of a check without rows to compare
NO_ROWS = {
    "score": "production has not scored this day",
    "label": "no label has matured since the reference",
}


@dataclass(frozen=True)
class Verdict:
    """The result of one check; `verdict` None: nothing to compare. A PSI at or below its floor is not significant."""

    name: str
    kind: str
    verdict: Status | None
    psi: float | None
    floor_psi: float | None
    message: str


@dataclass(frozen=True)
class Checked:
    """The verdicts on one day against the reference of the production model."""

    as_of_date: date
    model_version: str
    verdicts: list[Verdict]

    @property
    def status(self) -> Status:
        """The worst verdict of all."""
        return next((status for status in WORST_FIRST if self.names(status)), "OK")

    def names(self, verdict: Status) -> list[str]:
        """Names of the checks with this verdict."""
        return [check.name for check in self.verdicts if check.verdict == verdict]


def drift(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, progress: Progress) -> Checked:
    """Compare one day with the reference, store the verdicts, and write `reports/data_drift_latest.json`.

    Raises: ModelError when no model is in production, or it has no reference, or it has seen later days.
    """
    checked = check(con, warehouse, as_of, progress)
    progress("writing the report")
    _keep(con, checked)
    content = report(con, checked)
    for name in (f"data_drift_{checked.as_of_date}.json", "data_drift_latest.json"):
        write_json(warehouse.reports / name, content)
    return checked


def check(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, progress: Progress) -> Checked:
    """Compare one day with the reference and store nothing. Raises: ModelError as `drift` does."""
    version = require_production(con, warehouse)
    end = see_watched_world(con, warehouse, as_of)
    if version.as_of_date > end:
        raise ModelError(
            f"production {version.model_version} has seen data up to {version.as_of_date}, after {end}; "
            "choose a later --as-of: a day must not be compared with itself"
        )
    if not _rows(con, f"select feature from drift_reference semi join {PRODUCTION} using (model_version) limit 1"):
        raise ModelError(
            f"production {version.model_version} has no reference of drift, since it was trained before there was one; "
            "run: churn-duck train, then churn-duck promote"
        )
    progress("comparing the day with the reference")
    return Checked(end, version.model_version, verdicts(con, warehouse))


def see_watched_world(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None) -> date:
    """Set the as-of date to `as_of`; None: the last complete day, or the last scored day where that is later.

    When events stop arriving, the last complete day stands still, and drift must be checked on the days after it.
    """
    end = set_as_of_date(con, warehouse, as_of, even_if_silent=True)
    (last,) = _rows(con, "select max(as_of_date) from scores")[0]
    if as_of is None and last is not None and last > end:
        end = set_as_of_date(con, warehouse, last, even_if_silent=True)
    return end


def verdicts(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> list[Verdict]:
    """Returns every check at the as-of date, the worst first."""
    columns = {row[0] for row in _rows(con, "select column_name from (describe scoring_dataset)")}
    checks = [*_missing_columns(con, columns), *_volumes(con)]
    # the drift views cannot run without a column that they name
    if columns >= set(kept_feature_columns(warehouse.settings)):
        names = {check.name for check in checks}
        checks += [check for check in _features(con) if check.name not in names]
    order = {verdict: place for place, verdict in enumerate(WORST_FIRST)}
    return sorted(checks, key=lambda check: (order.get(check.verdict or "OK", 2), -(check.psi or 0), check.name))


def _missing_columns(con: duckdb.DuckDBPyConnection, columns: set[str]) -> list[Verdict]:
    """Features of the model that the rows lack, and columns that the newest landing lacked."""
    features = _rows(
        con,
        f"""select feature from drift_reference semi join {PRODUCTION} using (model_version)
        where kind in ('number', 'category')""",
    )
    missing = [(name, "the model reads it, the rows to score lack it") for (name,) in features if name not in columns]
    landed = _rows(con, "select source_table || '.' || column_name, source_file from drift_columns order by all")
    missing += [(name, f"{file} lacks it") for name, file in landed]
    return [Verdict(name, "column", "FAIL", None, None, message) for name, message in missing]


def _volumes(con: duckdb.DuckDBPyConnection) -> list[Verdict]:
    checks = []
    for name, expected, current, verdict in _rows(con, "select quantity, expected, found, verdict from drift_volume"):
        if name == "silent_days":
            message = f"{current or 0:.0f} days without an event; the most in the year before was {expected:.0f}"
            checks.append(Verdict(name, "freshness", verdict, None, None, message))
        else:
            checks.append(Verdict(name, "volume", verdict, None, None, f"{current:,.0f}, expected {expected:,.0f}"))
    return checks


def _features(con: duckdb.DuckDBPyConnection) -> list[Verdict]:
    return [
        Verdict(name, kind, verdict, psi, floor, moved if psi is not None else NO_ROWS.get(kind, "no rows to compare"))
        for name, kind, verdict, psi, floor, moved in _rows(
            con, "select feature, kind, verdict, psi, floor_psi, moved from drift_psi order by feature"
        )
    ]


def _keep(con: duckdb.DuckDBPyConnection, checked: Checked) -> None:
    key = [checked.as_of_date, checked.model_version]
    checked_at = utc_now()
    with transaction(con):
        con.execute("delete from drift_reports where as_of_date = ? and model_version = ?", key)
        con.executemany(
            """insert into drift_reports
                (as_of_date, model_version, name, kind, verdict, psi, floor_psi, message, checked_at)
            values (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                [*key, check.name, check.kind, check.verdict, check.psi, check.floor_psi, check.message, checked_at]
                for check in checked.verdicts
            ],
        )


def report(con: duckdb.DuckDBPyConnection, checked: Checked) -> DriftReport:
    """Returns the JSON-ready report: the keys of the contract first, then everything else."""
    by_name = {check.name: check.psi for check in checked.verdicts if check.kind in ("number", "category")}
    psi_by_feature = {name: psi for name, psi in by_name.items() if psi is not None}
    largest_first = sorted(psi_by_feature, key=lambda name: -psi_by_feature[name])
    first, last, users = _rows(
        con,
        f"""select min(first_as_of_date), max(last_as_of_date), max(users)
        from drift_reference semi join {PRODUCTION} using (model_version)""",
    )[0]
    return {
        "status": checked.status,
        "overall_max_psi": max(psi_by_feature.values(), default=None),
        "psi_by_feature": {name: psi_by_feature[name] for name in largest_first},
        "baseline": f"drift_bins of {checked.model_version}",
        "current": f"scoring_dataset at {checked.as_of_date}",
        "as_of_date": checked.as_of_date,
        "model_version": checked.model_version,
        "reference": {"first_as_of_date": first, "last_as_of_date": last, "users": users},
        "failed": checked.names("FAIL"),
        "warned": checked.names("WARN"),
        "verdicts": [cast("DriftVerdictRow", asdict(check)) for check in checked.verdicts],
    }


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return con.execute(query).fetchall()
