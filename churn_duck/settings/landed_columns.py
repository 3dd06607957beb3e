"""The columns of users and events as they land: their names at the source, and how their values are read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

from churn_duck.settings.config import Settings, Source

Table = Literal["users", "events"]
TABLES: tuple[Table, Table] = ("users", "events")
SqlType = Literal["bigint", "double", "date", "timestamp", "varchar"]


@dataclass(frozen=True)
class Column:
    """`source` is the name in the file, `constant` the value if it has none; a row without a required value is lost."""

    name: str
    type: SqlType
    source: str
    required: bool = False
    optional_in_file: bool = False
    is_id: bool = False
    format: str | None = None
    constant: str | int | float | None = None
    default: str | None = None


def source_of(settings: Settings, table: Table) -> Source:
    """The configured source of a table."""
    return settings.sources.users if table == "users" else settings.sources.events


def landed_columns(settings: Settings, table: Table) -> list[Column]:
    """The columns of a landed table, in order."""
    return _users(settings) if table == "users" else _events(settings)


def _users(settings: Settings) -> list[Column]:
    source, users = settings.sources.users, settings.users
    return [
        _column(source, "user_id", _id(users.id_type), required=True, is_id=True),
        _column(source, "signup_date", "date", required=True),
        *(_column(source, item.name, item.sql_type, optional_in_file=item.optional) for item in users.attributes),
    ]


def _events(settings: Settings) -> list[Column]:
    source, events = settings.sources.events, settings.events
    number = None
    if events.id_type == "none":
        # unique in the warehouse, and increasing in file order
        number = "cast({landing} as bigint) * 1000000000000 + source_row"
    return [
        _column(source, "event_id", _id(events.id_type), required=True, is_id=True, default=number),
        _column(source, "user_id", _id(settings.users.id_type), required=True, is_id=True),
        _column(source, "event_time", "timestamp", required=True),
        _column(source, "event_type", "varchar", required=True),
        *(_column(source, value.name, value.sql_type) for value in events.values),
    ]


def _id(id_type: str) -> SqlType:
    return "varchar" if id_type == "text" else "bigint"


def _column(
    source: Source,
    name: str,
    kind: SqlType,
    *,
    required: bool = False,
    optional_in_file: bool = False,
    is_id: bool = False,
    default: str | None = None,
) -> Column:
    return Column(
        name,
        kind,
        source.columns.get(name, name),
        required,
        optional_in_file,
        is_id,
        source.formats.get(name),
        source.constants.get(name),
        default,
    )


def reading(columns: list[Column], time_zone: str) -> str:
    """How a file is read, as text: the same content read differently is another landing."""
    return json.dumps([[asdict(column) for column in columns], time_zone], sort_keys=True)


def schema_text(columns: list[Column]) -> str:
    """Names and types in one line, to compare landed files with the settings."""
    return ", ".join(f"{column.name} {column.type}" for column in columns)
