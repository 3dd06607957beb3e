"""The SQL files: listed, rendered and executed in order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import TypedDict

import duckdb
import jinja2

from churn_duck.errors import SqlError, WarehouseError
from churn_duck.settings import view_columns
from churn_duck.settings.config import Settings
from churn_duck.settings.history_columns import decayed_measures, history_features
from churn_duck.settings.landed_columns import landed_columns
from churn_duck.settings.reason_text import feature_words
from churn_duck.warehouse.query import literal, quoted
from churn_duck.warehouse.raw_files import RawFiles

# their rendered SQL names files or periods of the data, so `sql_hash` takes their templates instead
READS_FILES = ("landed_files", "raw_users", "raw_events", "quarantine", "user_activity", "user_history")
# tables that a build extends when the only change is new landings; in running order
REFRESHED = (
    "landed_files",
    "superseded_events",
    "users_clean",
    "changed_days",
    "unknown_users",
    "user_activity",
    "user_history",
)
# the days of a TIMESTAMP, with room for a year's arithmetic
EARLIEST, LATEST = date(1, 1, 1), date(9998, 12, 31)


@dataclass(frozen=True)
class SqlFile:
    """One file of `sql/`: the view, table or macro `name` and what its header says."""

    path: Path
    name: str
    rows: str
    grain: tuple[str, ...]
    reads: str

    @property
    def layer(self) -> str:
        """The folder of the file, such as `40_features`."""
        return self.path.parent.name

    @property
    def kind(self) -> str:
        """`table`, `view` or `macro`."""
        text = self.path.read_text(encoding="utf-8")
        statement = re.search(r"^(?:{{ ')?create (?:or replace )?(table|view|macro)", text, re.MULTILINE)
        return statement.group(1) if statement else "unknown"

    @property
    def is_dense(self) -> bool:
        """Whether its header says that it has a row for every user and day."""
        return "\n-- Dense: " in self.path.read_text(encoding="utf-8")


def sql_folder() -> Path:
    """`sql/` inside the wheel, or beside the package in a checkout."""
    package = Path(__file__).parents[1]
    return package / "sql" if (package / "sql").is_dir() else package.parent / "sql"


@cache
def sql_files() -> tuple[SqlFile, ...]:
    """Every SQL file in the order in which it runs: by folder, then by number."""
    return tuple(_described(path) for path in sorted(sql_folder().glob("[0-9]*/[0-9]*.sql")))


def _described(path: Path) -> SqlFile:
    header = re.match(
        r"-- (?P<name>\w+): (?P<rows>.+)\n-- grain:  (?P<grain>.+)\n-- reads:(?P<reads>.*)\n",
        path.read_text(encoding="utf-8"),
    )
    if header is None:
        raise SqlError(f"{path.parent.name}/{path.name}: the header must be `-- name: rows`, `-- grain:`, `-- reads:`")
    grain = () if header["grain"] == "(one row)" else tuple(header["grain"].split(", "))
    return SqlFile(path, header["name"], header["rows"], grain, header["reads"].strip())


def find(name: str) -> SqlFile:
    """The file that creates `name`.

    Raises: WarehouseError listing similar names.
    """
    for file in sql_files():
        if file.name == name:
            return file
    similar = ", ".join(file.name for file in sql_files() if name.split("_", maxsplit=1)[0] in file.name)
    raise WarehouseError(f"there is no view {name}; {'similar: ' + similar if similar else 'see: churn-duck sql'}")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(sql_folder()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # SQL, not HTML: `literal` escapes values, the settings validate identifiers
    )
    environment.filters["sql"] = literal
    environment.filters["quoted"] = quoted
    return environment


def _context(settings: Settings, raw: RawFiles) -> dict[str, object]:
    """The variables of the templates; by subject, one function each."""
    return {
        "settings": settings,
        **_user_context(settings),
        **_event_context(settings),
        **_feature_context(settings),
        **_file_context(raw),
        "key_columns": list(view_columns.KEYS),
        "dataset_keys": list(view_columns.DATASET_KEYS),
        "check_columns": list(view_columns.CHECK),
        "column_comments": view_columns.column_comments(settings),
        "checks": [file.name for file in sql_files() if file.name.startswith("check_")],
    }


def _user_context(settings: Settings) -> dict[str, object]:
    attributes = settings.users.attributes
    return {
        "id_type": landed_columns(settings, "users")[0].type,
        "attributes": attributes,
        "attribute_columns": view_columns.attribute_names(settings),
        "category_columns": view_columns.categorical(settings),
        "shown_attributes": view_columns.shown_attributes(settings),
        "required_attributes": [attribute for attribute in attributes if attribute.required],
        "ranged_attributes": [attribute for attribute in attributes if attribute.is_ranged],
        "listed_attributes": [attribute for attribute in attributes if attribute.allowed],
        "flag_attributes": [attribute for attribute in attributes if attribute.where_absent],
    }


def _event_context(settings: Settings) -> dict[str, object]:
    values = settings.events.values
    measured = {measure.column for measure in settings.measures}
    return {
        "event_id_type": landed_columns(settings, "events")[0].type,
        "known_types": settings.events.types,
        "activity_types": settings.churn.activity,
        "silent_types": view_columns.silent_types(settings),
        "values": values,
        "ranged_values": [value for value in values if value.is_ranged],
        "carried_values": [value for value in values if value.events],
        "positive_values": [value for value in values if value.events and value.min == 0],
        "measured_values": [value for value in values if value.name in measured],
    }


def _feature_context(settings: Settings) -> dict[str, object]:
    windows = settings.features.windows_days
    return {
        "windows": windows,
        "lookback_days": max(*windows, settings.population.active_within_days or 0),
        "measures": settings.measures,
        "ratios": settings.ratios,
        "daily_columns": view_columns.daily_columns(settings),
        "state_columns": view_columns.state_columns(),
        "feature_columns": view_columns.feature_columns(settings),
        "kept_feature_columns": view_columns.kept_feature_columns(settings),
        "feature_words": feature_words(settings),
        "history_columns": [feature.name for feature in history_features(settings)],
        "decayed_measures": decayed_measures(settings),
        "eligible_reads": f"user_activity, users_clean, {'user_history, ' if settings.features.history else ''}params",
    }


def _file_context(raw: RawFiles) -> dict[str, object]:
    return {
        "users_files": raw.users,
        "events_files": raw.events,
        "quarantine_files": raw.quarantine,
        "raw_folder": raw.folder,
        "data_hash": raw.data_hash,
        "history_buckets": list(raw.bucket_ranges(view_columns.BUCKETS)),
        "activity_periods": [(EARLIEST, LATEST)] if raw.periods is None else raw.periods,
        "after_landing": raw.after_landing,
        "arrived_events": _arrived_events(raw),
        "arrived_files": raw.arrived([*raw.users, *raw.events]),
    }


def _arrived_events(raw: RawFiles) -> str:
    """The events after `after_landing`, as a relation that opens no other file."""
    if raw.after_landing is None:
        return "raw_events"
    files = raw.arrived(raw.events)
    return f"read_parquet({literal(files)})" if files else "(from raw_events limit 0)"


def render(path: Path, context: Mapping[str, object]) -> str:
    """The text of one template, which may call every macro of `shared/macros.sql.jinja`."""
    environment = _environment()
    macros = environment.get_template("shared/macros.sql.jinja").make_module(dict(context))
    template = environment.get_template(path.relative_to(sql_folder()).as_posix())
    return template.render({**context, **vars(macros)})


def rendered(settings: Settings, raw: RawFiles, as_of: date | None = None) -> dict[str, str]:
    """Every statement by view name, in running order, as sent to DuckDB."""
    context = _context(settings, raw)
    texts = {file.name: render(file.path, context) for file in sql_files() if file.name != "params"}
    digest = _digest(
        find(name).path.read_text(encoding="utf-8") if name in READS_FILES else text for name, text in texts.items()
    )
    params = render(find("params").path, {**context, "requested_as_of_date": as_of, "sql_hash": digest})
    return {"params": params, **texts}


def rendered_only(settings: Settings, raw: RawFiles, names: Iterable[str]) -> dict[str, str]:
    """The statements of `names`; with `raw.after_landing`, those in REFRESHED only add the later landings."""
    context = _context(settings, raw)
    return {name: render(find(name).path, context) for name in names}


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def execute(
    con: duckdb.DuckDBPyConnection, texts: Mapping[str, str], ran: Callable[[str], None] | None = None
) -> Iterator[str]:
    """Run statements one by one; yields each name before its statements run, and calls `ran` after each of them.

    Raises: SqlError with the view's name and DuckDB's message.
    """
    for name, text in texts.items():
        yield name
        try:
            for statement in con.extract_statements(text):
                con.execute(statement)
                if ran is not None:
                    ran(name)
        except duckdb.Error as error:
            file = find(name)
            raise SqlError(f"{file.layer}/{file.path.name}: {error}") from error


class Listed(TypedDict):
    """One SQL file as `churn-duck sql` lists it; `grain` is comma-separated."""

    name: str
    layer: str
    kind: str
    grain: str
    rows: str


def listing() -> list[Listed]:
    """Name, layer, kind, grain and one line for every relation that `build` creates."""
    return [
        Listed(
            name=file.name,
            layer=file.layer,
            kind=file.kind,
            grain=", ".join(file.grain) or "(one row)",
            rows=file.rows,
        )
        for file in sql_files()
    ]


def shown_sql(name: str, settings: Settings, raw: RawFiles) -> str:
    """The statement that creates `name`, as `build` would run it. Raises: WarehouseError for an unknown name."""
    return rendered(settings, raw)[find(name).name]
