"""Which columns the settings ask for, view by view, and what each of them means."""

from __future__ import annotations

from churn_duck.errors import ConfigError
from churn_duck.settings.config import Settings
from churn_duck.settings.history_columns import GAPS, history_features
from churn_duck.settings.schema import Attribute, Direction, Family, Measure

RECENCY = "days_since_last_activity"
# says of a user of any age how unusual the present silence is
SILENT_SHARE = "silent_share"
CHECK = ("landing", "source_row", "severity", "offence")
# what every row of a dataset begins with
KEYS = ("user_id", "as_of_date", "signup_date")
# and what a dataset that is read in parts has too
DATASET_KEYS = ("user_id", "user_bucket", "as_of_date", "signup_date")
BUCKETS = 256

_COMMENTS = {
    "user_id": "the user",
    "user_bucket": "0 to 255 by a hash of user_id: a random share of the users, to sample by or read in parts",
    "as_of_date": "features are known at the end of this UTC day",
    "signup_date": "day of signing up (UTC)",
    "days_since_signup": "days from signup_date to as_of_date, 0 before it",
    "is_active_day": "1 with activity on the day, else 0",
    "total_events": "events of any type on the day",
    "days_since_last_activity": "days since the last active day; since signup_date before the first",
    "silent_share": "days_since_last_activity as a share of days_since_signup, 0 to 1; 0 on the day of signing up",
    "last_activity_date": "last active day on or before as_of_date. NULL: never active",
    "state": "future, new (never active), active or lapsed",
    "is_eligible": "true: worth a prediction; see population.active_within_days",
    "future_active_days": "active days among the churn_window_days after as_of_date",
    "churn_label": "1: no active day among the churn_window_days after as_of_date; 0: at least one",
    "landing": "number of the land command that brought the row",
    "source_row": "row number within that landing",
    "severity": "fail: validate exits 1; warn: it is only told",
    "offence": "what is wrong, with the value",
    "calibration_role": "of a training row: fit, purge or calibrate. NULL: no room for a purged calibration",
    "split": "train, purge or test: the part of the row in the evaluation",
}


def landed_names(settings: Settings) -> dict[str, list[str]]:
    """The columns of users and events as they land."""
    users = ["user_id", "signup_date", *(attribute.name for attribute in settings.users.attributes)]
    events = ["event_id", "user_id", "event_time", "event_type", *(value.name for value in settings.events.values)]
    return {"users": users, "events": events}


def attribute_names(settings: Settings) -> list[str]:
    """The attributes in their order."""
    return [attribute.name for attribute in settings.users.attributes]


def categorical(settings: Settings) -> list[str]:
    """Features that are words."""
    return [attribute.name for attribute in settings.users.attributes if attribute.type == "category"]


def state_columns() -> list[str]:
    """What `user_features` says beside the features."""
    return ["last_activity_date", "state", "is_eligible"]


def daily_columns(settings: Settings) -> list[str]:
    """What `user_daily` measures."""
    return ["is_active_day", "total_events", *(measure.daily_column for measure in settings.measures)]


def feature_columns(settings: Settings) -> list[str]:
    """Every feature of `user_features`, in its order."""
    stems = ("active_days", "events", *(measure.name for measure in settings.measures))
    return [
        "days_since_signup",
        *attribute_names(settings),
        *daily_columns(settings),
        *(f"{stem}_{days}d" for days in settings.features.windows_days for stem in stems),
        RECENCY,
        SILENT_SHARE,
        *(feature.name for feature in history_features(settings)),
        *(ratio.name for ratio in settings.ratios),
    ]


def kept_feature_columns(settings: Settings) -> list[str]:
    """The features that a model sees: all but `features.exclude` and attributes with `feature: false`.

    Raises: ConfigError when an excluded column is no feature, or nothing is left.
    """
    columns, excluded = feature_columns(settings), settings.features.exclude
    unknown = [name for name in excluded if name not in columns]
    # the default names a column of the contract, which another business need not have
    if unknown and "exclude" in settings.features.model_fields_set:
        raise ConfigError(f"features.exclude names {', '.join(unknown)}; allowed: {', '.join(columns)}")
    if RECENCY in excluded:
        raise ConfigError(f"features.exclude names {RECENCY}; it stays, since the recency rule is read from it")
    silent = {attribute.name for attribute in settings.users.attributes if not attribute.feature}
    return [name for name in columns if name not in excluded and name not in silent]


def feature_directions(settings: Settings) -> dict[str, Direction]:
    """Of every feature what more of it does to the risk of churn: +1 never lowers it, -1 never raises it, 0 either."""
    return {name: direction for name, (direction, _) in _kinds(settings).items()}


def feature_families(settings: Settings) -> dict[str, Family]:
    """Of every feature what it is about, for people."""
    return {name: family for name, (_, family) in _kinds(settings).items()}


def _kinds(settings: Settings) -> dict[str, tuple[Direction, Family]]:
    kinds: dict[str, tuple[Direction, Family]] = {
        "days_since_signup": (0, "tenure"),
        "is_active_day": (-1, "volume"),
        "total_events": (-1, "volume"),
        RECENCY: (1, "silence"),
        SILENT_SHARE: (1, "silence"),
        **dict.fromkeys(attribute_names(settings), (0, "attributes")),
    }
    for days in settings.features.windows_days:
        kinds |= {f"active_days_{days}d": (-1, "volume"), f"events_{days}d": (-1, "volume")}
    families = {measure.name: measure.family for measure in settings.measures}
    for measure in settings.measures:
        names = (measure.daily_column, *(f"{measure.name}_{days}d" for days in settings.features.windows_days))
        kinds |= dict.fromkeys(names, (measure.churn_direction, measure.family))
    kinds |= {feature.name: (feature.direction, feature.family) for feature in history_features(settings)}
    return kinds | {ratio.name: (0, families[ratio.part[0]]) for ratio in settings.ratios}


def shown_attributes(settings: Settings) -> list[str]:
    """The attributes that the ranked list shows."""
    return [attribute.name for attribute in settings.users.attributes if attribute.shown]


def silent_types(settings: Settings) -> list[str]:
    """Event types that never count as activity."""
    return sorted({kind for measure in settings.measures if not measure.activity for kind in measure.events})


def column_comments(settings: Settings) -> dict[str, str]:
    """Unit and meaning of NULL for every column that several views share."""
    comments = {**_COMMENTS, **{ratio.name: ratio.meaning or _share(ratio.name) for ratio in settings.ratios}}
    for attribute in settings.users.attributes:
        comments[attribute.name] = _attribute_comment(attribute)
    for measure in settings.measures:
        unit = measure.unit or _unit(measure)
        null = "" if measure.is_zero_without else ". NULL: there was none"
        comments[measure.daily_column] = f"{_daily_word(measure)}{unit} on the day{null}"
        for days in settings.features.windows_days:
            comments[f"{measure.name}_{days}d"] = (
                f"{_window_word(measure)}{unit} in the {days} days to as_of_date{null}"
            )
    for days in settings.features.windows_days:
        comments[f"active_days_{days}d"] = f"active days among the {days} to as_of_date"
        comments[f"events_{days}d"] = f"events of any type in the {days} days to as_of_date"
    comments |= {feature.name: feature.meaning for feature in GAPS}
    comments |= {feature.name: feature.meaning for feature in history_features(settings)}
    return comments


def _share(name: str) -> str:
    return f"{name.replace('_', ' ')}, 0 to 1; 0 where there was nothing"


def _attribute_comment(attribute: Attribute) -> str:
    bounds = [str(bound) for bound in (attribute.min, attribute.max) if bound is not None]
    text = attribute.meaning or ("as it came" + (f", {' to '.join(bounds)}" if len(bounds) > 1 else ""))
    return text if attribute.required or attribute.missing is not None else f"{text}. NULL: none was given"


def _unit(measure: Measure) -> str:
    source = f"{measure.column} of " if measure.column else ""
    return source + (", ".join(measure.events) + " events" if measure.events else "all events")


def _daily_word(measure: Measure) -> str:
    return {"avg": "mean ", "max": "highest ", "distinct": "distinct "}.get(measure.aggregate, "")


def _window_word(measure: Measure) -> str:
    return {"avg": "mean of the daily means of ", "max": "highest ", "distinct": "distinct "}.get(measure.aggregate, "")
