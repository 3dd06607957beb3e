"""The SQL files: found, rendered, described and run in their order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import duckdb
import jinja2

from churn_duck.errors import SqlError, WarehouseError
from churn_duck.settings import view_columns as measures
from churn_duck.settings.config import Settings
from churn_duck.settings.landed_columns import landed_columns
from churn_duck.settings.reason_text import feature_words
from churn_duck.warehouse.query import literal, quoted
from churn_duck.warehouse.raw_files import RawFiles

# their SQL names files or periods of the data, which are no part of what the engine does; their templates are
READS_FILES = ("landed_files", "raw_users", "raw_events", "quarantine", "user_activity")
# tables that a build adds to where only landings were added; in their running order
REFRESHED = ("landed_files", "superseded_events", "users_clean", "changed_days", "unknown_users", "user_activity")
SHARED = (
    "trimmed_lower",
    "exact",
    "of_types",
    "outside",
    "others_than",
    "churn_label",
    "is_held_out",
    "silent_share",
    "down_to_each_score",
    "comments",
    "for_people",
)
# all days that DuckDB's TIMESTAMP knows of with room for a year's arithmetic
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
        """Its folder, such as `40_features`."""
        return self.path.parent.name

    @property
    def kind(self) -> str:
        text = self.path.read_text(encoding="utf-8")
        found = re.search(r"^(?:{{ ')?create (?:or replace )?(table|view|macro)", text, re.MULTILINE)
        return found.group(1) if found else "unknown"

    @property
    def is_dense(self) -> bool:
        """Whether it has a row for every user and day, as its header then says."""
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
    """The file that makes `name`.

    Raises: WarehouseError listing near names.
    """
    for file in sql_files():
        if file.name == name:
            return file
    known = ", ".join(file.name for file in sql_files() if name.split("_", maxsplit=1)[0] in file.name)
    raise WarehouseError(f"there is no view {name}; {'near: ' + known if known else 'churn-duck sql lists them'}")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(sql_folder()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # SQL, not HTML: values go through `literal`, identifiers through config
    )
    environment.filters["sql"] = literal
    environment.filters["quoted"] = quoted
    return environment


def _context(settings: Settings, raw: RawFiles) -> dict[str, object]:
    measured = {measure.column for measure in settings.measures}
    return {
        "settings": settings,
        "windows": settings.features.windows_days,
        "lookback_days": max(*settings.features.windows_days, settings.population.active_within_days or 0),
        "attributes": settings.users.attributes,
        "values": settings.events.values,
        "required_attributes": [one for one in settings.users.attributes if one.required],
        "ranged_attributes": [one for one in settings.users.attributes if one.is_ranged],
        "listed_attributes": [one for one in settings.users.attributes if one.allowed],
        "flag_attributes": [one for one in settings.users.attributes if one.where_absent],
        "ranged_values": [one for one in settings.events.values if one.is_ranged],
        "carried_values": [one for one in settings.events.values if one.events],
        "positive_values": [one for one in settings.events.values if one.events and one.min == 0],
        "measured_values": [value for value in settings.events.values if value.name in measured],
        "measures": settings.measures,
        "ratios": settings.ratios,
        "known_types": settings.events.types,
        "activity_types": settings.churn.activity,
        "silent_types": measures.silent_types(settings),
        "id_type": landed_columns(settings, "users")[0].type,
        "event_id_type": landed_columns(settings, "events")[0].type,
        "key_columns": list(measures.KEYS),
        "dataset_keys": list(measures.DATASET_KEYS),
        "attribute_columns": measures.attribute_names(settings),
        "shown_attributes": measures.shown_attributes(settings),
        "daily_columns": measures.daily_columns(settings),
        "state_columns": measures.state_columns(),
        "feature_columns": measures.feature_columns(settings),
        "kept_feature_columns": measures.kept_feature_columns(settings),
        "category_columns": measures.categorical(settings),
        "check_columns": list(measures.CHECK),
        "feature_words": feature_words(settings),
        "column_comments": measures.column_comments(settings),
        "checks": [file.name for file in sql_files() if file.name.startswith("check_")],
        "activity_periods": [(EARLIEST, LATEST)] if raw.periods is None else raw.periods,
        "after_landing": raw.after_landing,
        "arrived_events": _arrived(raw),
        "arrived_files": raw.arrived([*raw.users, *raw.events]),
        "users_files": raw.users,
        "events_files": raw.events,
        "quarantine_files": raw.quarantine,
        "data_hash": raw.data_hash,
        "raw_folder": raw.folder,
    }


def _arrived(raw: RawFiles) -> str:
    """What came after `after_landing`, as a relation that opens no other file."""
    if raw.after_landing is None:
        return "raw_events"
    files = raw.arrived(raw.events)
    return f"read_parquet({literal(files)})" if files else "(from raw_events limit 0)"


def render(path: Path, context: Mapping[str, object]) -> str:
    """The text of one template with the shared SQL macros at hand."""
    environment = _environment()
    shared = environment.get_template("shared/macros.sql.jinja").make_module(dict(context))
    exported = {name: getattr(shared, name) for name in SHARED}
    return environment.get_template(path.relative_to(sql_folder()).as_posix()).render(**context, **exported)


def rendered(settings: Settings, raw: RawFiles, as_of: date | None = None) -> dict[str, str]:
    """Every statement by view name, in running order, as DuckDB gets it."""
    context = _context(settings, raw)
    texts = {file.name: render(file.path, context) for file in sql_files() if file.name != "params"}
    digest = _digest(
        find(name).path.read_text(encoding="utf-8") if name in READS_FILES else text for name, text in texts.items()
    )
    params = render(find("params").path, {**context, "requested_as_of_date": as_of, "sql_hash": digest})
    return {"params": params, **texts}


def rendered_only(settings: Settings, raw: RawFiles, names: Iterable[str]) -> dict[str, str]:
    """Some statements; with `raw.after_landing`, those of REFRESHED bring their tables from there up to `raw`."""
    context = _context(settings, raw)
    return {name: render(find(name).path, context) for name in names}


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def execute(
    con: duckdb.DuckDBPyConnection, texts: Mapping[str, str], ran: Callable[[str], None] | None = None
) -> Iterator[str]:
    """Run statements one by one; yields each name before its statements run, and tells `ran` after each of them.

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


def listing() -> list[dict[str, str]]:
    """Name, layer, kind, grain and one line for everything that `build` makes."""
    return [
        {
            "name": file.name,
            "layer": file.layer,
            "kind": file.kind,
            "grain": ", ".join(file.grain) or "(one row)",
            "rows": file.rows,
        }
        for file in sql_files()
    ]


def shown_sql(name: str, settings: Settings, raw: RawFiles) -> str:
    """The statement that makes `name`, as `build` would run it. Raises: WarehouseError for an unknown name."""
    return rendered(settings, raw)[find(name).name]
