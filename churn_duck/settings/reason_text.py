"""The words in which reasons are told: one row of patterns for each feature, from a template file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from churn_duck.settings.config import Settings
from churn_duck.settings.history_columns import HistoryFeature, history_features
from churn_duck.settings.schema import Attribute
from churn_duck.settings.view_columns import RECENCY, SILENT_SHARE

SHIPPED = Path(__file__).with_name("reason_text.yaml")
PATTERNS = ("unknown", "none", "one", "many", "by", "more", "less")
Words = dict[str, str | None]


def feature_words(settings: Settings) -> list[dict[str, object]]:
    """For each feature of the settings its patterns, in which only {value}, {gap} and {by} are still to be filled in.

    `scale` is what the value is multiplied by before it is shown; `is_whole`: a comparison is of whole numbers;
    `is_level`: it is no number.
    """
    return list(_features(settings, _shipped()))


@cache
def _shipped() -> Mapping[str, Any]:
    # part of the program like the SQL; parsing it takes longer than rendering all statements
    words: Mapping[str, Any] = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    return words


def _features(settings: Settings, words: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    of_all = words["features"]
    yield _row("days_since_signup", of_all["days_since_signup"], is_whole=True)
    for attribute in settings.users.attributes:
        kind = _kind(attribute)
        chosen = _chosen(words, "attributes", attribute.name, kind)
        yield _row(attribute.name, chosen, {"name": _plain(attribute.name)}, is_level=kind == "category")
    yield _row(RECENCY, of_all[RECENCY], is_whole=True)
    yield _row(SILENT_SHARE, of_all[SILENT_SHARE], scale=100, is_whole=True)
    for days in (None, *settings.features.windows_days):
        yield from _measured(settings, words, days)
    for feature in history_features(settings):
        yield _remembered(feature, words)
    for ratio in settings.ratios:
        windows = settings.features.windows_days
        days = ratio.window_days if ratio.window_days in windows else max(windows)
        known = {"name": _plain(ratio.name), "span": words["spans"]["window"], "days": str(days)}
        yield _row(ratio.name, _chosen(words, "ratios", ratio.name, "ratio"), known, scale=100, is_whole=True)


def _measured(settings: Settings, words: Mapping[str, Any], days: int | None) -> Iterator[dict[str, object]]:
    """The features of one window; of the day itself without `days`."""
    span = {"span": words["spans"]["day" if days is None else "window"], "days": str(days)}
    for own, daily in (("active_days", "is_active_day"), ("events", "total_events")):
        key = daily if days is None and daily in words["features"] else own
        yield _row(daily if days is None else f"{own}_{days}d", words["features"][key], span, is_whole=True)
    for measure in settings.measures:
        name = measure.daily_column if days is None else f"{measure.name}_{days}d"
        known = {"name": _plain(measure.name), "unit": measure.unit or _plain(measure.name), **span}
        chosen = _chosen(words, "measures", measure.name, measure.aggregate)
        yield _row(name, chosen, known, is_whole=measure.is_whole)


def _remembered(feature: HistoryFeature, words: Mapping[str, Any]) -> dict[str, object]:
    """A feature of the whole history: those of a measure are told in its words."""
    known = {"span": words["spans"]["decayed"], "days": str(feature.days)}
    measure = feature.measure
    if measure is None:
        chosen = words["features"][feature.words]
    else:
        known |= {"name": _plain(measure.name), "unit": measure.unit or _plain(measure.name)}
        own = feature.words == "decayed"
        chosen = _chosen(words, "measures", measure.name, measure.aggregate) if own else words["kinds"][feature.words]
    return _row(feature.name, chosen, known, scale=feature.scale, is_whole=feature.is_whole)


def _kind(attribute: Attribute) -> str:
    if attribute.type == "category":
        return "category"
    return "flag" if attribute.type == "integer" and (attribute.min, attribute.max) == (0, 1) else "number"


def _chosen(words: Mapping[str, Any], section: str, name: str, kind: str) -> Words:
    """What stands under the name before what stands under the kind."""
    return {**words["kinds"][kind], **words[section].get(name, {})}


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _row(
    feature: str,
    words: Words,
    known: Mapping[str, str] | None = None,
    scale: int = 1,
    *,
    is_whole: bool = False,
    is_level: bool = False,
) -> dict[str, object]:
    many = words["many"]
    none = words.get("none", many)
    given = {"unknown": none, "none": none, "one": many, "more": None, "less": None, "by": None, **words}
    patterns = {key: _filled(given[key], known or {}) for key in PATTERNS}
    return {"feature": feature, **patterns, "scale": scale, "is_whole": is_whole, "is_level": is_level}


def _filled(pattern: str | None, known: Mapping[str, str]) -> str | None:
    """The span first, since it has the days in it."""
    if pattern is None:
        return None
    for key in sorted(known, key=("span", "name", "unit", "days").index):
        pattern = pattern.replace("{" + key + "}", known[key])
    return pattern
