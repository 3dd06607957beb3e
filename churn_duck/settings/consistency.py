"""Contradictions between settings that are valid one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from zoneinfo import available_timezones

from churn_duck.settings.config import Settings, Source
from churn_duck.settings.view_columns import DATASET_KEYS, feature_columns, landed_names, state_columns


def contradictions(settings: Settings) -> Iterator[str]:
    """Each contradiction as a message."""
    for statistic in ("psi", "unseen", "volume"):
        warn, fail = (getattr(settings.drift, f"{verdict}_{statistic}") for verdict in ("warn", "fail"))
        if fail <= warn:
            yield f"drift.fail_{statistic} is {fail}; it must be greater than warn_{statistic} {warn}"
    types = {value.name: value.type for value in settings.events.values}
    for measure in settings.measures:
        if measure.column is not None and measure.column not in types:
            yield f"measure {measure.name} reads {measure.column}; events.values has {', '.join(types) or 'no values'}"
        elif measure.aggregate in ("sum", "avg", "max") and types[measure.column or ""] == "text":
            yield f"measure {measure.name} takes the {measure.aggregate} of {measure.column}, which is text"
    yield from _ratio_complaints(settings)
    attributes = {attribute.name for attribute in settings.users.attributes}
    for attribute in settings.users.attributes:
        if attribute.where_absent and attribute.where_absent.attribute not in attributes:
            yield f"attribute {attribute.name} depends on {attribute.where_absent.attribute}, which is not an attribute"
    yield from _activity_complaints(settings)
    yield from _source_complaints(settings)
    yield from _name_complaints(settings)


def _ratio_complaints(settings: Settings) -> Iterator[str]:
    summed = [measure.name for measure in settings.measures if measure.is_zero_without]
    for ratio in settings.ratios:
        unknown = [name for name in (*ratio.part, *ratio.whole) if name not in summed]
        if unknown:
            yield f"ratio {ratio.name} names {', '.join(unknown)}; measures that add up: {', '.join(summed) or 'none'}"


def _activity_complaints(settings: Settings) -> Iterator[str]:
    silent = {kind for measure in settings.measures if not measure.activity for kind in measure.events}
    contradictory = sorted(silent & set(settings.churn.activity or ()))
    if contradictory:
        yield f"churn.activity counts {', '.join(contradictory)}, but a measure has `activity: false` for it"
    if any(not measure.activity and not measure.events for measure in settings.measures):
        yield "a measure of all events cannot be `activity: false`: nobody would ever be active"


def _source_complaints(settings: Settings) -> Iterator[str]:
    for table, names in landed_names(settings).items():
        source: Source = getattr(settings.sources, table)
        for key in ("columns", "formats", "constants"):
            unknown = [name for name in getattr(source, key) if name not in names]
            if unknown:
                yield f"sources.{table}.{key} names {', '.join(unknown)}; columns are {', '.join(names)}"
        if source.time_zone not in _time_zones():
            yield f"sources.{table}.time_zone is {source.time_zone!r}; it must be a name such as Europe/Berlin"


@cache
def _time_zones() -> set[str]:
    """All time zone names; cached, since listing them searches the disk."""
    return available_timezones()


def _name_complaints(settings: Settings) -> Iterator[str]:
    """Names that would give a table two columns of the same name."""
    tables = {
        **landed_names(settings),
        "user_features": [*DATASET_KEYS, *feature_columns(settings), *state_columns()],
    }
    for table, names in tables.items():
        duplicates = sorted(name for name, times in Counter(names).items() if times > 1)
        if duplicates:
            yield f"{table} would have {', '.join(duplicates)} twice; rename the attribute, value, measure or ratio"
