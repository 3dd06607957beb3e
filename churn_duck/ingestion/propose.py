"""Proposes a configuration for undescribed files, and lists what is unclear."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from churn_duck.ingestion.column_roles import Roles, find_roles
from churn_duck.ingestion.profile import Column, Profile, identifier, profiled
from churn_duck.ingestion.proposed_sources import Origin, origins
from churn_duck.ingestion.return_times import CHOICES, Rhythm, horizon, rhythm, windows
from churn_duck.ingestion.vocabulary import suggests
from churn_duck.progress import Progress
from churn_duck.settings.load import parse_settings
from churn_duck.warehouse.query import quoted

MAX_COUNTED, MAX_SUMMED, MAX_DISTINCT, MAX_ATTRIBUTES = 20, 6, 3, 20
MIN_LEVELS, MAX_ATTRIBUTE_LEVELS = 20, 100
LONG_NUMBER = 12


@dataclass
class Proposal:
    """`content` is a valid configuration; `remarks` explain sections, `notes` entries; `doubts` are for a person."""

    content: dict[str, Any] = field(default_factory=dict)
    remarks: dict[str, list[str]] = field(default_factory=dict)
    notes: dict[tuple[str, str], str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

    def remark(self, section: str, text: str) -> None:
        """Adds a line above a section."""
        self.remarks.setdefault(section, []).append(text)


def propose(events: str, users: str | None, named: Mapping[str, str], progress: Progress) -> Proposal:
    """Proposes how to read the files, each a path, glob or folder; `named` are the columns whose role is given.

    Raises: LandingError for files that cannot be read, or when nothing looks like a user or a time.
    """
    draft = Proposal()
    with TemporaryDirectory() as folder, closing(duckdb.connect(config={"temp_directory": f"{folder}/spill"})) as con:
        con.execute("set TimeZone = 'UTC'")
        progress("looking at the events")
        log = profiled(con, "events", events, Path(folder))
        progress("looking at the users")
        people = profiled(con, "users", users, Path(folder)) if users else None
        roles = find_roles(con, log, people, named)
        progress("looking for what can be measured")
        origin = origins(con, log, people, roles, events, users)
        draft.content = {"sources": origin.sources}
        draft.doubts += origin.doubts
        _ids(draft, roles)
        _attributes(draft, log, people, roles, origin)
        kinds = _types(draft, con, log)
        _measures(draft, con, log, roles, origin, kinds)
        _silent(draft, kinds)
        _windows(draft, rhythm(con, _active(draft, kinds)))
        _files(draft, log)
    parse_settings(draft.content, "the proposal")
    return draft


def _ids(draft: Proposal, roles: Roles) -> None:
    """Sets the id types: integer if every id is one, else text; `none` if events have no id."""
    whole = roles.user.is_whole and (roles.users_key is None or roles.users_key.is_whole)
    draft.content["users"] = {"id_type": "integer" if whole else "text", "attributes": []}
    kind = "none" if roles.event_id is None else "integer" if roles.event_id.is_whole else "text"
    draft.content["events"] = {"id_type": kind}
    if kind == "none":
        draft.doubts.append("no column numbers the events: the same events landed from two files would count twice")


def _attributes(draft: Proposal, log: Profile, people: Profile | None, roles: Roles, origin: Origin) -> None:
    """Proposes attributes from the users table, without columns known only afterwards."""
    taken = {column.name for column in (roles.users_key, roles.signup) if column is not None}
    columns = [column for column in people.columns if column.name not in taken] if people else origin.steady
    left: dict[str, list[str]] = {}
    for column in columns:
        reason = _unfit(column) or ("too many" if len(draft.content["users"]["attributes"]) >= MAX_ATTRIBUTES else None)
        if reason:
            left.setdefault(reason, []).append(column.name)
            continue
        name = _free(draft, column.label)
        draft.content["users"]["attributes"].append({"name": name, "type": _kind_of(column)})
        if people is not None:
            origin.take("users", name, column)
    for reason, names in left.items():
        draft.remark("users", f"left out, {reason}: {', '.join(names)}")
    if "perhaps known only afterwards" in left:
        draft.doubts.append(f"whether {', '.join(left['perhaps known only afterwards'])} is known on the day: left out")


def _unfit(column: Column) -> str | None:
    """Why a column of users cannot be an attribute; None: it can."""
    if suggests("afterwards", column.label):
        return "perhaps known only afterwards"
    if column.moment is not None and not column.is_number:
        return "dates"
    if column.distinct <= 1 or not column.filled:
        return "the same for everyone"
    if column.is_text or suggests("identifying", column.label):
        repeats = column.distinct <= max(MIN_LEVELS, 0.5 * column.filled)
        return None if repeats and 0 < len(column.levels) <= MAX_ATTRIBUTE_LEVELS else "names rather than properties"
    return None


def _kind_of(column: Column) -> str:
    if column.type == "BOOLEAN":
        return "integer"
    if not column.is_number or suggests("identifying", column.label):
        return "category"
    return "integer" if column.is_whole else "number"


def _free(draft: Proposal, name: str) -> str:
    """The name, unless an earlier column has it."""
    names = {attribute["name"] for attribute in draft.content["users"]["attributes"]} | {
        "user_id",
        "signup_date",
        "user_bucket",
    }
    return next(free for free in (name, *(f"{name}_{n}" for n in range(2, 99))) if free not in names)


def _types(draft: Proposal, con: duckdb.DuckDBPyConnection, log: Profile) -> dict[str, int]:
    """Event types with their counts, the most frequent first."""
    rows = con.execute(
        "select event_type, count(*) as n from log where event_type <> '' "
        "group by event_type order by n desc, event_type"
    ).fetchall()
    kinds = {str(kind): int(n) for kind, n in rows}
    counted = ", ".join(f"{kind} {n:,}" for kind, n in kinds.items())
    draft.remark("events", f"event types: {counted}")
    if log.files_read == len(log.files):
        draft.content["events"]["types"] = list(kinds)
        draft.remark("events", "a type that is not in `types` fails validation; `types: null` takes any")
    return kinds


def _measures(
    draft: Proposal,
    con: duckdb.DuckDBPyConnection,
    log: Profile,
    roles: Roles,
    origin: Origin,
    kinds: dict[str, int],
) -> None:
    """Proposes a count for each type, a sum or mean for each number, a distinct count for each key."""
    names: set[str] = {"events", "active_days", "total_events", "is_active_day"}
    measures: list[dict[str, Any]] = []

    def add(name: str, note: str, **what: Any) -> None:
        choices = (name, f"{name}_count", *(f"{name}_{n}" for n in range(2, 99)))
        free = next(choice for choice in choices if choice not in names)
        names.add(free)
        measures.append({"name": free, **what})
        draft.notes["measures", free] = note

    if len(kinds) > 1:
        counted = [kind for place, kind in enumerate(kinds) if place < MAX_COUNTED or _is_silent(kind)]
        for kind in counted:
            add(identifier(kind), f"{kinds[kind]:,} events", events=[kind])
        if len(kinds) > len(counted):
            draft.remark(
                "measures", f"rare types without one: {', '.join(kind for kind in kinds if kind not in counted)}"
            )
    values = [*_numbers(log, roles), *_things(log, roles)]
    landed = []
    for column, aggregate in values:
        carriers = _carriers(con, column, kinds)
        name = column.label if aggregate != "distinct" else f"{column.label}_distinct"
        add(name, f"{column.name}", events=carriers, aggregate=aggregate, column=column.label)
        landed.append({"name": column.label, "type": "text" if aggregate == "distinct" else "number"})
        origin.take("events", column.label, column)
    if origin.amount is not None:
        add(
            "amount",
            "quantity times price",
            events=list(kinds)[:1] if len(kinds) > 1 else [],
            aggregate="sum",
            column="amount",
        )
        landed.append({"name": "amount", "type": "number"})
    draft.content["events"]["values"] = landed
    draft.content["measures"] = measures


def _numbers(log: Profile, roles: Roles) -> list[tuple[Column, str]]:
    """Numbers to sum or to average."""
    columns = [column for column in _others(log, roles) if column.is_number and column.distinct > 1]
    fitting = [column for column in columns if not (_is_identifying(column) or _is_position(column))]
    return [(column, "avg" if suggests("averaged", column.label) else "sum") for column in fitting[:MAX_SUMMED]]


def _is_position(column: Column) -> bool:
    """Whether a column is a part of a date, or a coordinate."""
    return suggests("temporal", column.label) or suggests("coordinates", column.label)


def _things(log: Profile, roles: Roles) -> list[tuple[Column, str]]:
    """Keys of other tables to count, such as baskets, products or courses."""
    columns = [
        column
        for column in _others(log, roles)
        if column.distinct > 10
        and column.distinct < 0.7 * column.filled
        and column.longest <= 100
        and column.moment is None
        and (column.is_text or _is_identifying(column))
    ]
    keys_first = sorted(columns, key=lambda column: not _is_identifying(column))
    return [(column, "distinct") for column in keys_first[:MAX_DISTINCT]]


def _is_identifying(column: Column) -> bool:
    """Whether a column is a key by its name, or has more digits than a quantity."""
    return suggests("identifying", column.label) or (column.is_whole and column.longest > LONG_NUMBER)


def _others(log: Profile, roles: Roles) -> list[Column]:
    taken = (roles.user, roles.time, roles.type, roles.event_id)
    return [column for column in log.columns if column not in taken and column.filled]


def _carriers(con: duckdb.DuckDBPyConnection, column: Column, kinds: dict[str, int]) -> list[str]:
    """The event types that carry a value; [] means all, as in the settings."""
    rows = con.execute(
        f"select event_type from log where nullif(trim(cast({quoted(column.name)} as varchar)), '') is not null "
        "group by event_type"
    ).fetchall()
    carrying = {str(row[0]) for row in rows}
    return [] if carrying >= set(kinds) else [kind for kind in kinds if kind in carrying]


def _silent(draft: Proposal, kinds: dict[str, int]) -> None:
    """Marks passive and goodbye types as no activity, unless no other type remains."""
    silent = [kind for kind in kinds if _is_silent(kind)]
    if not silent or len(silent) == len(kinds):
        return
    for measure in draft.content["measures"]:
        if measure.get("events") and set(measure["events"]) <= set(silent):
            measure["activity"] = False
    draft.remark("measures", f"no sign of life, and so `activity: false`: {', '.join(silent)}")


def _is_silent(kind: str) -> bool:
    name = identifier(kind)
    return suggests("goodbye", name) or suggests("passive", name)


def _active(draft: Proposal, kinds: dict[str, int]) -> list[str]:
    silent = {
        kind for measure in draft.content["measures"] if measure.get("activity") is False for kind in measure["events"]
    }
    return [kind for kind in kinds if kind not in silent]


def _windows(draft: Proposal, history: Rhythm) -> None:
    """Sets horizon and windows by how often users return and how long the history is."""
    days = horizon(history)
    returns = (
        "no user has come back" if history.usual_gap is None else f"9 of 10 returns within {history.usual_gap} days"
    )
    draft.remark("churn", f"{history.days:,} days of history, {history.first} to {history.last}; {returns}")
    if history.late_rows:
        draft.doubts.append(
            f"{history.late_rows:,} events lie long after {history.last}: score with --as-of {history.last}"
        )
    if days is None:
        days = min(CHOICES)
        draft.doubts.append(f"{history.days} days of history are too few to train on, whatever the horizon; land more")
    elif history.usual_gap is not None and days < history.usual_gap:
        draft.doubts.append(
            f"users are often silent for {history.usual_gap} days and come back, longer than the horizon of {days} "
            "days that the history allows: some of the churners will return"
        )
    draft.content |= windows(days)


def _files(draft: Proposal, log: Profile) -> None:
    if log.files_read < len(log.files):
        draft.doubts.append(f"{log.files_read} of {len(log.files)} files of events were looked at, {log.rows:,} rows")
