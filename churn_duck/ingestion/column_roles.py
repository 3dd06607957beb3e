"""Which column of users and events is which: by what it is called, what it holds, and what both tables share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import duckdb

from churn_duck.errors import LandingError
from churn_duck.ingestion.profile import NEARLY_ALL, Column, Profile, id_text
from churn_duck.warehouse.query import quoted


# words of a column's name, the telling ones first; each list ends with words that only hint
def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


USER_WORDS = _words("""
    user_id userid user customer_id customerid customer client_id client member_id member subscriber_id subscriber
    account_id account household_key household_id household player_id player learner_id student_id id_student learner
    student visitor_id visitor shopper_id shopper buyer_id buyer person_id person patient_id actor_id actor_login
    actor author_id author_login author sender_id sender source_id source src from_id from_user from uid login
    username email device_id
""")
TIME_WORDS = _words("""
    event_time event_timestamp timestamp event_ts ts datetime date_time created_at occurred_at event_date time
    invoice_date order_date purchase_date transaction_date transaction_dt sent_at started_at start_time unixtime
    authored_at committed_at logged_at date day at
""")
TYPE_WORDS = _words("event_type event_name event type action activity activity_type verb kind event_kind operation")
EVENT_ID_WORDS = _words("event_id eventid id uuid event_uuid message_id transaction_id row_id log_id")
SIGNUP_WORDS = _words("""
    signup_date signup_at signed_up_at signup registration_date registered_at registered registration created_at
    created join_date joined_at joined member_since first_seen first_purchase enrolled_at start_date created_date
    account_created installed_at install_date
""")
MAX_TYPES = 100
SIGNUP_MARKS = re.compile(r"sign|regist|creat|join|since|enrol|install|start|first|opened")


@dataclass(frozen=True)
class Roles:
    """What the log says under which name; None: nothing says it."""

    user: Column
    time: Column
    type: Column | None
    event_id: Column | None
    users_key: Column | None = None
    signup: Column | None = None


def find_roles(
    con: duckdb.DuckDBPyConnection, events: Profile, users: Profile | None, given: Mapping[str, str]
) -> Roles:
    """The columns in their roles; `given` are those named by the user.

    Raises: LandingError when nothing looks like a user or a time, with what there is.
    """
    time = _given(events, given, "event_time") or _time(events)
    key, user = _key_and_user(con, events, users, given, time)
    event_id = _given(events, given, "event_id") or _event_id(con, events, {user.name, time.name})
    kind = _given(events, given, "event_type") or _type(
        events, {user.name, time.name, event_id.name if event_id else ""}
    )
    signup = (_given(users, given, "signup_date") or _signup(users)) if users else None
    return Roles(user, time, kind, event_id, key, signup)


def _given(profile: Profile, given: Mapping[str, str], role: str) -> Column | None:
    return profile.find(given[role]) if role in given else None


def _named(label: str, words: tuple[str, ...]) -> float:
    """1 for the most telling word, less for later ones, little for a name that merely contains one, 0 else."""
    if label in words:
        return 1 - words.index(label) / (2 * len(words))
    parts = set(label.split("_"))
    return 0.3 if parts & {word for word in words if "_" not in word and len(word) > 2} else 0.0


def _best(columns: list[Column], worth: Callable[[Column], float]) -> Column | None:
    """The column of the highest worth above 0, the first of equals."""
    ranked = sorted(columns, key=worth, reverse=True)
    return ranked[0] if ranked and worth(ranked[0]) > 0 else None


def _time(events: Profile) -> Column:
    def worth(column: Column) -> float:
        if column.moment is None or column.filled < 0.5 * column.rows:
            return 0
        named = _named(column.label, TIME_WORDS)
        # a whole number in the range of an epoch is a moment only where the name says so
        if column.is_number and not named:
            return 0
        return 0.1 + named + 0.2 * (column.distinct > 10)

    column = _best(events.columns, worth)
    if column is None:
        raise LandingError(
            f"no column of {events.files[0]} reads as a date or a time; it has: {_names(events)}; "
            "name one with --column event_time=NAME, or bring its values into a form like 2025-04-30 12:00:00"
        )
    return column


def _key_and_user(
    con: duckdb.DuckDBPyConnection, events: Profile, users: Profile | None, given: Mapping[str, str], time: Column
) -> tuple[Column | None, Column]:
    """The id in the users table, and the column of events that carries it."""
    named = _given(events, given, "user_id")
    others = [column for column in events.columns if column is not time and column.distinct > 1]
    if users is None:
        column = named or _best(others, _worth_as_user)
        if column is None:
            raise _no_user(events)
        return None, column
    keys = [column for column in users.columns if _is_key(con, users, column)]
    pairs = {
        (key.name, column.name): (key, column, _shared(con, users, key, events, column))
        for key in keys
        for column in ([named] if named else others)
    }
    scored = sorted(
        pairs.values(),
        key=lambda pair: 2 * pair[2] + _named(pair[1].label, USER_WORDS) + 0.5 * _named(pair[0].label, USER_WORDS),
        reverse=True,
    )
    if not scored or scored[0][2] < 0.02:
        raise LandingError(
            f"no id in {users.files[0]} ({', '.join(key.name for key in keys) or 'no column differs for every user'}) "
            f"occurs in {events.files[0]}; are these the same users? --column user_id=NAME names the column of events"
        )
    return scored[0][0], scored[0][1]


def _no_user(events: Profile) -> LandingError:
    return LandingError(
        f"no column of {events.files[0]} is called like a user; it has: {_names(events)}; "
        "name it with --column user_id=NAME"
    )


def _worth_as_user(column: Column) -> float:
    named = _named(column.label, USER_WORDS)
    # a user comes back; what hardly ever repeats is no user
    repeats = column.distinct < 0.9 * column.filled
    return named * (1 if repeats else 0.2) * (column.filled > 0.2 * column.rows)


def _is_key(con: duckdb.DuckDBPyConnection, users: Profile, column: Column) -> bool:
    """Whether it names each user: filled throughout and nearly without repetition."""
    if column.filled < NEARLY_ALL * column.rows or column.type == "BOOLEAN" or column.distinct < 0.8 * column.rows:
        return False
    distinct = con.execute(f"select count(distinct {quoted(column.name)}) from {users.relation}").fetchall()[0][0]
    return bool(distinct >= NEARLY_ALL * column.filled)


def _shared(con: duckdb.DuckDBPyConnection, users: Profile, key: Column, events: Profile, column: Column) -> float:
    """Share of the column's values that are users, times the share of the users that it names."""
    user_ids, event_ids = (
        f"(select distinct {id_text(side)} as id from {relation} where {id_text(side)} is not null)"
        for side, relation in ((key, users.relation), (column, events.relation))
    )
    shared, ids, user_count = con.execute(
        f"select (select count(*) from {user_ids} semi join {event_ids} using (id)), "
        f"(select count(*) from {event_ids}), (select count(*) from {user_ids})"
    ).fetchall()[0]
    return float(shared / max(ids, 1) * shared / max(user_count, 1))


def _event_id(con: duckdb.DuckDBPyConnection, events: Profile, taken: set[str]) -> Column | None:
    """A column of that name without any repetition."""

    def worth(column: Column) -> float:
        full = column.filled == column.rows and column.distinct > 0.8 * column.rows
        return _named(column.label, EVENT_ID_WORDS) if full and column.name not in taken else 0

    column = _best(events.columns, worth)
    if column is None:
        return None
    distinct = con.execute(f"select count(distinct {quoted(column.name)}) from {events.relation}").fetchall()[0][0]
    return column if distinct == events.rows else None


def _type(events: Profile, taken: set[str]) -> Column | None:
    """A column of few words, one in every row."""

    def worth(column: Column) -> float:
        fits = column.filled >= NEARLY_ALL * column.rows and 0 < len(column.levels) <= MAX_TYPES and not column.moment
        return _named(column.label, TYPE_WORDS) if fits and column.name not in taken and not column.is_number else 0

    return _best(events.columns, worth)


def _signup(users: Profile) -> Column | None:
    def worth(column: Column) -> float:
        if column.moment is None or column.filled < 0.5 * column.rows:
            return 0
        named = _named(column.label, SIGNUP_WORDS)
        return named if named and SIGNUP_MARKS.search(column.label) else 0

    return _best(users.columns, worth)


def _names(profile: Profile) -> str:
    return ", ".join(column.name for column in profile.columns)
