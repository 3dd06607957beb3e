"""A configuration for files that nobody has described: what it reads out of them, and what it could not tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from churn_duck.ingestion.column_roles import Roles, roles
from churn_duck.ingestion.profile import Column, Profile, identifier, profiled
from churn_duck.ingestion.proposed_sources import Origin, origins
from churn_duck.ingestion.return_times import CHOICES, Rhythm, horizon, rhythm, windows
from churn_duck.progress import Progress
from churn_duck.settings.load import parse_settings
from churn_duck.warehouse.query import quoted

MAX_COUNTED, MAX_SUMMED, MAX_DISTINCT, MAX_ATTRIBUTES = 20, 6, 3, 20
MIN_LEVELS, MAX_ATTRIBUTE_LEVELS = 20, 100
LONG_NUMBER = 12
# said to leave: no sign of life
GOODBYE = re.compile(
    r"cancel|unsubscrib|churn|deactivat|delete_account|account_delete|uninstall|terminat|opt_out|lapse"
)
# happens to the user, not by the user
PASSIVE = re.compile(
    r"^(auto_)?(renewal|renewed|renew|charge|charged|invoice|billing|billed|refund|refunded|return|returned|chargeback)$"
    r"|(email|push|sms|newsletter|notification|reminder)_(sent|send|delivered|bounced)$"
)
# known only afterwards, or sums over the very days that are predicted
AFTERWARDS = re.compile(
    r"churn|cancel|unsub|unregist|deregist|deactivat|deleted|closed|terminat|expir|(^|_)(last|latest|final|end|total|"
    r"lifetime|ltv|status|result|outcome|state_now|current|count|n|num|left|active|inactive|score)(_|$)"
)
NAMES_THINGS = re.compile(
    r"(^|_)(id|ids|key|no|nr|number|code|sku|uuid|hash|sha|zip|pin|phone|ref|dst|target|recipient|receiver|thread|channel|"
    r"room|store|basket)$|^(repo|product|item|to)(_|$)"
)
TELLS_TIME = re.compile(r"(^|_)(day|week|month|year|hour|minute|dt|date|time|ts|timestamp|weekday|dow)(_|$)")
AVERAGED = re.compile(r"score|rating|rate|price|percent|pct|ratio|grade|(^|_)level(_|$)|temperature|speed|stars")
PLACES = re.compile(r"(^|_)(lat|lon|lng|latitude|longitude|x|y|z)$")


@dataclass
class Proposal:
    """`content` is a valid configuration; `remarks` explain sections, `notes` entries; `doubts` are for a person."""

    content: dict[str, Any] = field(default_factory=dict)
    remarks: dict[str, list[str]] = field(default_factory=dict)
    notes: dict[tuple[str, str], str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

    def remark(self, section: str, text: str) -> None:
        """One more line above a section."""
        self.remarks.setdefault(section, []).append(text)


def propose(events: str, users: str | None, told: Mapping[str, str], progress: Progress) -> Proposal:
    """Look at the files, a path, glob or folder each, and propose how to read them; `told` names columns by role.

    Raises: LandingError for files that cannot be read, or when nothing looks like a user or a time.
    """
    made = Proposal()
    with TemporaryDirectory() as folder, closing(duckdb.connect(config={"temp_directory": f"{folder}/spill"})) as con:
        con.execute("set TimeZone = 'UTC'")
        progress("looking at the events")
        log = profiled(con, "events", events, Path(folder))
        progress("looking at the users")
        people = profiled(con, "users", users, Path(folder)) if users else None
        found = roles(con, log, people, told)
        progress("looking for what can be measured")
        origin = origins(con, log, people, found, events, users)
        made.content = {"sources": origin.sources}
        made.doubts += origin.doubts
        _ids(made, found)
        _attributes(made, log, people, found, origin)
        kinds = _types(made, con, log)
        _measures(made, con, log, found, origin, kinds)
        _silent(made, kinds)
        _windows(made, rhythm(con, _active(made, kinds)))
        _files(made, log)
    parse_settings(made.content, "the proposal")
    return made


def _ids(made: Proposal, found: Roles) -> None:
    """Whole numbers where all are, else text; `none` where events have no id of their own."""
    whole = found.user.is_whole and (found.users_key is None or found.users_key.is_whole)
    made.content["users"] = {"id_type": "integer" if whole else "text", "attributes": []}
    kind = "none" if found.event_id is None else "integer" if found.event_id.is_whole else "text"
    made.content["events"] = {"id_type": kind}
    if kind == "none":
        made.doubts.append("no column numbers the events: the same events landed from two files would count twice")


def _attributes(made: Proposal, log: Profile, people: Profile | None, found: Roles, origin: Origin) -> None:
    """What the users table says of users, but for what only the future knows."""
    taken = {one.name for one in (found.users_key, found.signup) if one is not None}
    columns = [one for one in people.columns if one.name not in taken] if people else origin.steady
    left: dict[str, list[str]] = {}
    for column in columns:
        reason = _unfit(column) or ("too many" if len(made.content["users"]["attributes"]) >= MAX_ATTRIBUTES else None)
        if reason:
            left.setdefault(reason, []).append(column.name)
            continue
        name = _free(made, column.label)
        made.content["users"]["attributes"].append({"name": name, "type": _kind_of(column)})
        if people is not None:
            origin.take("users", name, column)
    for reason, names in left.items():
        made.remark("users", f"left out, {reason}: {', '.join(names)}")
    if "perhaps known only afterwards" in left:
        made.doubts.append(f"whether {', '.join(left['perhaps known only afterwards'])} is known on the day: left out")


def _unfit(column: Column) -> str | None:
    """Why a column of users is no attribute; None: it is one."""
    if AFTERWARDS.search(column.label):
        return "perhaps known only afterwards"
    if column.moment is not None and not column.is_number:
        return "dates"
    if column.distinct <= 1 or not column.filled:
        return "the same for everyone"
    if column.is_text or NAMES_THINGS.search(column.label):
        repeats = column.distinct <= max(MIN_LEVELS, 0.5 * column.filled)
        return None if repeats and 0 < len(column.levels) <= MAX_ATTRIBUTE_LEVELS else "names rather than properties"
    return None


def _kind_of(column: Column) -> str:
    if column.type == "BOOLEAN":
        return "integer"
    if not column.is_number or NAMES_THINGS.search(column.label):
        return "category"
    return "integer" if column.is_whole else "number"


def _free(made: Proposal, name: str) -> str:
    """The name, unless an earlier column has it."""
    names = {one["name"] for one in made.content["users"]["attributes"]} | {"user_id", "signup_date", "user_bucket"}
    return next(one for one in (name, *(f"{name}_{n}" for n in range(2, 99))) if one not in names)


def _types(made: Proposal, con: duckdb.DuckDBPyConnection, log: Profile) -> dict[str, int]:
    """Event types with their counts, the most frequent first."""
    rows = con.execute(
        "select event_type, count(*) as n from log where event_type <> '' "
        "group by event_type order by n desc, event_type"
    ).fetchall()
    kinds = {str(kind): int(n) for kind, n in rows}
    counted = ", ".join(f"{kind} {n:,}" for kind, n in kinds.items())
    made.remark("events", f"event types: {counted}")
    if log.files_read == len(log.files):
        made.content["events"]["types"] = list(kinds)
        made.remark("events", "a type that is not in `types` fails validation; `types: null` takes any")
    return kinds


def _measures(
    made: Proposal, con: duckdb.DuckDBPyConnection, log: Profile, found: Roles, origin: Origin, kinds: dict[str, int]
) -> None:
    """A count for each type, a sum or mean for each number, a number of different things for each key."""
    names: set[str] = {"events", "active_days", "total_events", "is_active_day"}
    measures: list[dict[str, Any]] = []

    def add(name: str, note: str, **what: Any) -> None:
        free = next(one for one in (name, f"{name}_count", *(f"{name}_{n}" for n in range(2, 99))) if one not in names)
        names.add(free)
        measures.append({"name": free, **what})
        made.notes["measures", free] = note

    if len(kinds) > 1:
        counted = [kind for place, kind in enumerate(kinds) if place < MAX_COUNTED or _is_no_sign_of_life(kind)]
        for kind in counted:
            add(identifier(kind), f"{kinds[kind]:,} events", events=[kind])
        if len(kinds) > len(counted):
            made.remark("measures", f"rare types without one: {', '.join(one for one in kinds if one not in counted)}")
    values = [*_numbers(log, found), *_things(log, found)]
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
    made.content["events"]["values"] = landed
    made.content["measures"] = measures


def _numbers(log: Profile, found: Roles) -> list[tuple[Column, str]]:
    """Numbers that add up, or of which the mean says something."""
    columns = [one for one in _others(log, found) if one.is_number and one.distinct > 1]
    fitting = [
        one for one in columns if not (_names_things(one) or TELLS_TIME.search(one.label) or PLACES.search(one.label))
    ]
    return [(one, "avg" if AVERAGED.search(one.label) else "sum") for one in fitting[:MAX_SUMMED]]


def _things(log: Profile, found: Roles) -> list[tuple[Column, str]]:
    """Keys of other tables: baskets, products, courses, other people."""
    columns = [
        one
        for one in _others(log, found)
        if one.distinct > 10
        and one.distinct < 0.7 * one.filled
        and one.longest <= 100
        and one.moment is None
        and (one.is_text or _names_things(one))
    ]
    named = sorted(columns, key=lambda one: not _names_things(one))
    return [(one, "distinct") for one in named[:MAX_DISTINCT]]


def _names_things(column: Column) -> bool:
    """Whether it is a key by its name, or by being longer than any quantity."""
    return bool(NAMES_THINGS.search(column.label)) or (column.is_whole and column.longest > LONG_NUMBER)


def _others(log: Profile, found: Roles) -> list[Column]:
    roles = (found.user, found.time, found.type, found.event_id)
    return [one for one in log.columns if one not in roles and one.filled]


def _carriers(con: duckdb.DuckDBPyConnection, column: Column, kinds: dict[str, int]) -> list[str]:
    """The event types that carry a value; [] stands for all of them, as in the settings."""
    rows = con.execute(
        f"select event_type from log where nullif(trim(cast({quoted(column.name)} as varchar)), '') is not null "
        "group by event_type"
    ).fetchall()
    carrying = {str(row[0]) for row in rows}
    return [] if carrying >= set(kinds) else [kind for kind in kinds if kind in carrying]


def _silent(made: Proposal, kinds: dict[str, int]) -> None:
    """Types that are no sign of life do not count as activity, unless nothing else would."""
    silent = [kind for kind in kinds if _is_no_sign_of_life(kind)]
    if not silent or len(silent) == len(kinds):
        return
    for measure in made.content["measures"]:
        if measure.get("events") and set(measure["events"]) <= set(silent):
            measure["activity"] = False
    made.remark("measures", f"no sign of life, and so `activity: false`: {', '.join(silent)}")


def _is_no_sign_of_life(kind: str) -> bool:
    name = identifier(kind)
    return bool(GOODBYE.search(name) or PASSIVE.search(name))


def _active(made: Proposal, kinds: dict[str, int]) -> list[str]:
    silent = {
        kind for measure in made.content["measures"] if measure.get("activity") is False for kind in measure["events"]
    }
    return [kind for kind in kinds if kind not in silent]


def _windows(made: Proposal, found: Rhythm) -> None:
    """Horizon and windows by how often users come back, as far as the history reaches."""
    days = horizon(found)
    returns = "no user has come back" if found.usual_gap is None else f"9 of 10 returns within {found.usual_gap} days"
    made.remark("churn", f"{found.days:,} days of history, {found.first} to {found.last}; {returns}")
    if found.late_rows:
        made.doubts.append(f"{found.late_rows:,} events lie long after {found.last}: score with --as-of {found.last}")
    if days is None:
        days = min(CHOICES)
        made.doubts.append(f"{found.days} days of history are too few to train on, whatever the horizon; land more")
    elif found.usual_gap is not None and days < found.usual_gap:
        made.doubts.append(
            f"users are often silent for {found.usual_gap} days and come back, longer than the horizon of {days} days "
            "that the history allows: some of the churners will return"
        )
    made.content |= windows(days)


def _files(made: Proposal, log: Profile) -> None:
    if log.files_read < len(log.files):
        made.doubts.append(f"{log.files_read} of {len(log.files)} files of events were looked at, {log.rows:,} rows")
