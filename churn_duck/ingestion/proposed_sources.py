"""Where proposed users and events come from: the files as they are, or a query where something must be derived."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from churn_duck.ingestion.column_roles import Roles
from churn_duck.ingestion.profile import EPOCHS, MANY_LEVELS, Column, Profile, id_text, text_of
from churn_duck.ingestion.source_query import SourceQuery
from churn_duck.ingestion.sources import form
from churn_duck.warehouse.query import literal, quoted

QUANTITY = re.compile(r"(^|_)(quantity|qty|units|pieces)(_|$)")
PRICE = re.compile(r"price(_|$)")
MONEY = re.compile(r"(^|_)(amount|total|revenue|sales|value|spend|paid|gross|net)(_|$)")
MESSAGES = re.compile(r"(^|_)(recipient|receiver|to|dst|target|message|reply)(_|$)")
STEADY = 0.99


@dataclass
class Origin:
    """`sources` in the form of the settings; the temporary view `log` holds user_id, event_time, event_type."""

    sources: dict[str, dict[str, Any]]
    doubts: list[str] = field(default_factory=list)
    # text columns of the log that say something lasting of a user
    steady: list[Column] = field(default_factory=list)
    # quantity times price, as SQL
    amount: str | None = None
    type_is_derived: bool = False

    def take(self, table: str, name: str, column: Column) -> None:
        """Let a column land as `name`."""
        if name != column.name:
            self.sources[table].setdefault("columns", {})[name] = column.name


def origins(
    con: duckdb.DuckDBPyConnection,
    log: Profile,
    people: Profile | None,
    roles: Roles,
    events: str,
    users: str | None,
) -> Origin:
    """The sources of both tables, and the view `log` over what would land."""
    origin = Origin({"users": {"path": users}, "events": {"path": events}})
    moment = _moment(con, origin, "events", "event_time", log, roles.time)
    origin.take("events", "user_id", roles.user)
    origin.take("events", "event_time", roles.time)
    if roles.event_id is not None:
        origin.take("events", "event_id", roles.event_id)
    kind = _kind(origin, log, roles)
    kept = _kept(con, origin, log, people, roles, moment, kind)
    con.execute(
        f"create temp view log as select {id_text(roles.user)} as user_id, {moment} as event_time, "
        f"trim(lower(cast({kind} as varchar))) as event_type, * from {log.relation} where {kept or 'true'}"
    )
    _derive(origin, log, kind, kept, events, users, people)
    if people is None:
        _users_from_log(con, origin, log, roles, moment, relation(events, log))
    else:
        _users(con, origin, people, roles, moment, users or "", relation(events, log))
    return origin


def relation(path: str, profile: Profile) -> str:
    """The files as DuckDB reads them in a query."""
    kind = form(profile.files[0])
    if Path(path).is_dir():
        path = f"{path.rstrip('/')}/**/*{Path(profile.files[0]).suffix}"
    partitioned = ", hive_partitioning = true" if "=" in path or any("=" in name for name in profile.files) else ""
    if kind == "parquet":
        return f"read_parquet({literal(path)}{partitioned})"
    if kind == "csv":
        return f"read_csv({literal(path)}, all_varchar = true, header = true{partitioned})"
    names = [column.name for column in profile.columns if column.name not in profile.nested]
    names += dict.fromkeys(parent for parent, _ in profile.nested.values())
    types = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in names)
    reader = f"read_json({literal(path)}, format = 'newline_delimited', columns = {{{types}}}{partitioned})"
    keys = [
        f"json_extract_string({quoted(parent)}, {literal('$.' + key)}) as {quoted(name)}"
        for name, (parent, key) in profile.nested.items()
    ]
    return f"(select *, {', '.join(keys)} from {reader})" if keys else reader


def _moment(
    con: duckdb.DuckDBPyConnection, origin: Origin, table: str, role: str, profile: Profile, column: Column
) -> str:
    """SQL for a column as TIMESTAMP; its format goes into the source, what is uncertain into the doubts."""
    assert column.moment is not None
    formats = column.moment.formats
    if not column.moment.has_zone and role == "event_time":
        origin.doubts.append(f"{column.name} carries no time zone: UTC is taken; sources.events.time_zone says another")
    if not formats:
        text = quoted(column.name) if column.type != "VARCHAR" else f"try_cast(trim({text_of(column)}) as timestamptz)"
        return f"cast({text} as timestamp)"
    chosen = max(formats, key=lambda way: _rising(con, profile, column, way)) if len(formats) > 1 else formats[0]
    origin.sources[table].setdefault("formats", {})[role] = chosen
    if len(formats) > 1:
        origin.doubts.append(f"{column.name} could be read as {' or as '.join(formats)}; {chosen} is taken")
    return _read_as(column, chosen)


def _read_as(column: Column, way: str) -> str:
    if way in EPOCHS:
        number = f"try_cast({quoted(column.name)} as double)"
        return f"make_timestamp(cast(floor({number} * {1_000_000 / EPOCHS[way]:g}) as bigint))"
    return f"cast(try_strptime(trim({text_of(column)}), {literal(way)}) as timestamp)"


def _rising(con: duckdb.DuckDBPyConnection, profile: Profile, column: Column, way: str) -> float:
    """Share of the rows that are no earlier than the row before: logs are mostly written in order."""
    share = con.execute(
        f"select avg(cast(moment >= before as integer)) from (select {_read_as(column, way)} as moment, "
        f"lag({_read_as(column, way)}) over () as before from {profile.relation})"
    ).fetchall()[0][0]
    return float(share or 0)


def _kind(origin: Origin, log: Profile, roles: Roles) -> str:
    """SQL for the event type, which a log without one gets as a constant or from the sign of a quantity."""
    if roles.type is not None:
        origin.take("events", "event_type", roles.type)
        return quoted(roles.type.name)
    labels = [column.label for column in log.columns]
    sold = _number(log, QUANTITY)
    paid = _number(log, MONEY)
    signed = next((column for column in (sold, paid) if column and 0 < column.negative_rows < 0.5 * column.rows), None)
    if signed is not None:
        origin.type_is_derived = True
        return f"case when try_cast({quoted(signed.name)} as double) < 0 then 'return' else 'purchase' end"
    is_shop = sold or paid or any(PRICE.search(label) for label in labels)
    word = "purchase" if is_shop else "message" if any(MESSAGES.search(label) for label in labels) else "event"
    origin.sources["events"]["constants"] = {"event_type": word}
    origin.doubts.append(f"no column of the events contains event types: each is called {word}")
    return literal(word)


def _number(log: Profile, called: re.Pattern[str]) -> Column | None:
    """The first column of numbers that is called so."""
    return next((column for column in log.columns if called.search(column.label) and column.is_number), None)


def _kept(
    con: duckdb.DuckDBPyConnection,
    origin: Origin,
    log: Profile,
    people: Profile | None,
    roles: Roles,
    moment: str,
    kind: str,
) -> str | None:
    """The condition that leaves out events of nobody, of no time, and of users whom the table lacks; None: none is."""
    user = id_text(roles.user)
    wanted = {
        "have no user": f"{user} is not null",
        "have no time that can be read": f"{moment} is not null",
        "have no type": f"trim(cast({kind} as varchar)) <> ''",
    }
    if people is not None and roles.users_key is not None:
        is_known = f"{user} in (select {id_text(roles.users_key)} from {people.relation})"
        wanted["are of users that the users lack"] = is_known
    conditions = []
    for what, condition in wanted.items():
        # an event without a user is reported once
        nobody = "" if what == "have no user" else f"and {user} is not null"
        lost = con.execute(
            f"select count(*) from {log.relation} where not coalesce({condition}, false) {nobody}"
        ).fetchall()[0][0]
        if lost:
            conditions.append(condition)
            origin.doubts.append(f"{lost:,} of {log.rows:,} events {what}: left out")
    return "\n    and ".join(conditions) or None


def _derive(
    origin: Origin, log: Profile, kind: str, kept: str | None, events: str, users: str | None, people: Profile | None
) -> None:
    """Make the events a query where the files alone do not say it."""
    sold = _number(log, QUANTITY)
    price = _number(log, PRICE)
    if sold and price and not _number(log, MONEY):
        origin.amount = f"try_cast({quoted(sold.name)} as double) * try_cast({quoted(price.name)} as double)"
    if not (origin.type_is_derived or kept or origin.amount):
        return
    columns = ["*"]
    columns += [f"{kind} as event_type"] if origin.type_is_derived else []
    columns += [f"{origin.amount} as amount"] if origin.amount else []
    clauses = []
    if kept:
        # the profile has the users as a table, the query reads their files
        condition = kept.replace(people.relation, relation(users, people)) if people and users else kept
        clauses = [f"where\n    {condition}"]
    query = SourceQuery(tuple(columns), relation(events, log), clauses=tuple(clauses))
    source = origin.sources["events"]
    del source["path"]
    origin.sources["events"] = {"query": query.text, **source}


def _users_from_log(
    con: duckdb.DuckDBPyConnection, origin: Origin, log: Profile, roles: Roles, moment: str, files: str
) -> None:
    """Users who are known by their events only: the first one is taken for the signup."""
    taken = {roles.user.name, roles.time.name, roles.type.name if roles.type else ""}
    origin.steady = [
        column
        for column in log.columns
        if column.name not in taken and 1 < len(column.levels) < MANY_LEVELS and _is_steady(con, column)
    ]
    steady = [f"arg_min({quoted(column.name)}, {moment}) as {quoted(column.label)}" for column in origin.steady]
    user = id_text(roles.user)
    query = SourceQuery(
        (f"{user} as user_id", f"cast(min({moment}) as date) as signup_date", *steady),
        files,
        conditions=(f"{user} is not null",),
        clauses=(f"group by {user}",),
    )
    origin.sources["users"] = {"query": query.text}
    origin.doubts.append("there is no users table: a user's first event is taken for the signup")


def _is_steady(con: duckdb.DuckDBPyConnection, column: Column) -> bool:
    """Whether nearly every user has one value of it, so that it describes the user and not the event."""
    name = quoted(column.name)
    share = con.execute(
        f"select avg(cast(n <= 1 as integer)) from (select count(distinct {name}) as n from log group by user_id "
        "having count(*) > 1)"
    ).fetchall()[0][0]
    return share is not None and share >= STEADY


def _users(
    con: duckdb.DuckDBPyConnection,
    origin: Origin,
    people: Profile,
    roles: Roles,
    moment: str,
    path: str,
    files: str,
) -> None:
    assert roles.users_key is not None
    repeated = _repeated(con, people, roles.users_key)
    if repeated:
        origin.doubts.append(f"{repeated:,} of {people.rows:,} users have no id, or one that another has: left out")
    if not repeated and roles.signup is not None and roles.signup.filled == roles.signup.rows:
        origin.take("users", "user_id", roles.users_key)
        origin.take("users", "signup_date", roles.signup)
        _moment(con, origin, "users", "signup_date", people, roles.signup)
        return
    signup = "firsts.first_day"
    if roles.signup is not None:
        given = _moment(con, origin, "users", "signup_date", people, roles.signup)
        origin.sources["users"].pop("formats", None)
        signup = f"coalesce(cast({given} as date), firsts.first_day)"
    key, user = id_text(roles.users_key), id_text(roles.user)
    if roles.signup is None or roles.signup.filled < roles.signup.rows:
        origin.doubts.append(
            "users without a signup date get that of their first event; without either they are left out"
        )
    others = [column for column in people.columns if column not in (roles.users_key, roles.signup)]
    query = SourceQuery(
        (f"{key} as user_id", f"{signup} as signup_date", *(quoted(column.name) for column in others)),
        relation(path, people),
        joins=(
            f"left join (\n    select\n        {user} as first_user,\n"
            f"        cast(min({moment}) as date) as first_day\n"
            f"    from {files}\n    group by first_user\n) as firsts on firsts.first_user = {key}",
        ),
        conditions=(f"{key} is not null", f"{signup} is not null"),
        clauses=(f"qualify row_number() over (partition by {key}) = 1",),
    )
    origin.sources["users"] = {"query": query.text}


def _repeated(con: duckdb.DuckDBPyConnection, people: Profile, key: Column) -> int:
    """Rows of users beyond one for each id."""
    return int(con.execute(f"select count(*) - count(distinct {id_text(key)}) from {people.relation}").fetchall()[0][0])
