"""The settings: one YAML file, checked once, frozen."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from churn_duck.settings import schema as business
from churn_duck.settings.schema import Attribute, Days, EventType, Identifier, IdType, Measure, Ratio, Section, Value

ModelName = Literal["baseline_logreg", "candidate_hgb", "blend"]
MODEL_NAMES: tuple[ModelName, ...] = get_args(ModelName)


def _windows(days: list[int]) -> list[int]:
    if len(set(days)) != len(days):
        raise ValueError("windows must be unique")
    return sorted(days)


Share = Annotated[float, Field(gt=0, lt=1)]


class Source(Section):
    """Where a table comes from, and how its columns are read; a plain string is short for `path`."""

    path: str | None = None
    query: str | None = None
    connection: str | None = None
    columns: dict[Identifier, str] = {}
    formats: dict[Identifier, str] = {}
    constants: dict[Identifier, str | int | float] = {}
    time_zone: str = "UTC"

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, content: object) -> object:
        return {"path": content} if isinstance(content, str) else content

    @model_validator(mode="after")
    def _one_place(self) -> Source:
        if self.path is not None and self.query is not None:
            raise ValueError("takes path or query, not both")
        if self.connection is not None and self.query is None:
            raise ValueError("connection needs a query")
        return self

    @property
    def is_given(self) -> bool:
        """Whether a path or a query is set."""
        return self.path is not None or self.query is not None


class Sources(Section):
    """What `run` lands first; without path and query it uses what has landed."""

    users: Source = Source()
    events: Source = Source()

    @model_validator(mode="before")
    @classmethod
    def _null_is_none(cls, content: object) -> object:
        if isinstance(content, dict):
            return {name: {} if value is None else value for name, value in content.items()}
        return content


class Users(Section):
    """Columns of users beside `user_id` and `signup_date`."""

    id_type: IdType = "integer"
    attributes: list[Attribute] = business.ATTRIBUTES


class Events(Section):
    """Columns of events beside id, user, time and type.

    `id_type: none` numbers the rows, for logs without an id; `types: null` accepts every type.
    """

    id_type: IdType | Literal["none"] = "integer"
    types: list[EventType] | None = business.EVENT_TYPES
    values: list[Value] = business.VALUES


class Features(Section):
    """Look-back windows in days, and columns that are never features.

    `history: true` adds what is known of a user: gaps between active days, and activity that counts less the
    longer ago it was.
    """

    windows_days: Annotated[list[Days], Field(min_length=1, max_length=12), AfterValidator(_windows)] = [7, 14, 30]
    history: bool = True
    exclude: list[Identifier] = ["engagement_score"]


class Churn(Section):
    """H: a user without activity in `window_days` days has churned; `activity: null` is every event type.

    `lead_days` lie between the evening of scoring and these days: time to act. What happens in them decides nothing.
    """

    window_days: Days = 30
    lead_days: Annotated[int, Field(ge=0, le=365)] = 0
    activity: Annotated[list[EventType], Field(min_length=1)] | None = None


class Population(Section):
    """Eligible: active within the last so many days; null: every user-day."""

    active_within_days: Days | None = 30


class Training(Section):
    """How snapshots are taken and split, whether the shipped model is refit on all rows, and the most rows to read.

    `max_rows: null` reads what fits into memory; beyond it users are sampled, and training says so.

    `recipe: default` is a logistic regression on logarithms, gentle monotone boosting (leaves of 100 rows, with few
    rows of a twentieth of them) and the mean of both; `original` has the first system's two models and no mean.
    """

    recipe: Literal["default", "original"] = "default"
    snapshot_every_days: Days = 7
    test_size: Share = 0.2
    random_state: Annotated[int, Field(ge=0, le=2**32 - 1)] = 42
    imbalance_strategy: Literal["none", "class_weight"] = "none"
    refit: bool = True
    max_rows: Annotated[int, Field(ge=1000)] | None = None

    @property
    def models(self) -> tuple[ModelName, ...]:
        """The models of the recipe."""
        return tuple(name for name in MODEL_NAMES if name != "blend" or self.recipe == "default")


class Calibration(Section):
    """A sigmoid on the log-odds, chosen on the earlier of the last `size` of the training dates.

    It is kept only if it improves the log-loss on the later ones beyond chance; the test rows have no say.
    """

    method: Literal["sigmoid", "none"] = "sigmoid"
    size: Share = 0.5


class Evaluation(Section):
    """The metric that decides between models."""

    primary_metric: Literal["pr_auc", "roc_auc", "log_loss", "brier"] = "pr_auc"


class Promotion(Section):
    """A challenger replaces production when it is better by more than `margin` with this `confidence`.

    Several challengers share the error that it allows: the better of two needs 0.975 where one needs 0.95.

    Guards: its ECE on the eligible test rows is at most `max_ece`, and its log-loss below the base rate's.
    """

    margin: Annotated[float, Field(ge=0)] = 0.0
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    max_ece: Annotated[float, Field(gt=0)] = 0.1


class Scoring(Section):
    """Length of the top list, and the risk from which a user counts as high risk."""

    top_k: Annotated[int, Field(ge=1)] = 50
    high_risk_threshold: Share = 0.7


class Drift(Section):
    """Bins of the population stability index, and the limits for warnings and failures.

    `psi` is of one feature, `unseen` the share of its rows in categories that the reference lacks, `volume` a factor
    of more or less data, `silent_days` are days without any event beyond the longest silence of the past year.
    """

    bins: Annotated[int, Field(ge=3, le=100)] = 10
    warn_psi: Annotated[float, Field(gt=0)] = 0.1
    fail_psi: Annotated[float, Field(gt=0)] = 0.25
    warn_unseen: Share = 0.01
    fail_unseen: Share = 0.03
    warn_volume: Annotated[float, Field(gt=1)] = 1.5
    fail_volume: Annotated[float, Field(gt=1)] = 2.0
    fail_silent_days: Days = 2


class Serving(Section):
    """What is published for readers, and how it is served.

    A snapshot holds `history_days` of scores and activity; `keep_snapshots` snapshots stay on disk. `/ready` fails once
    the newest is older than `max_age_days` (null: never). `max_rows` is the most that one call may request. Alerts
    named in `hook_alerts` start a retraining, at most one in `hook_cooldown_minutes` of wall-clock time.
    """

    history_days: Days = 90
    keep_snapshots: Annotated[int, Field(ge=2, le=1000)] = 5
    max_age_days: Annotated[float, Field(gt=0)] | None = 2.0
    max_rows: Annotated[int, Field(ge=1000)] = 10_000
    hook_alerts: Annotated[list[str], Field(min_length=1)] = ["ChurnDataDrift", "ChurnRealisedLoss"]
    hook_cooldown_minutes: Annotated[int, Field(ge=1, le=60 * 24 * 366)] = 60 * 24


class Retraining(Section):
    """When a retraining is due besides drift and realised losses, in days of data; null: never for that reason.

    After any training the loop waits `cooldown_days` before it retrains; a manual retraining is always possible. A
    FAILing data volume also holds it back, as an outage would, until it has failed for `doubt_days`.
    """

    cooldown_days: Annotated[int, Field(ge=0)] = 7
    every_days: Days | None = 28
    max_age_days: Days | None = 91
    doubt_days: Days = 14


class Engine(Section):
    """DuckDB's threads and memory (such as 4GB); null: DuckDB's own choice.

    `lock_wait_seconds` is how long a command waits for another one that writes to the warehouse.
    """

    threads: Annotated[int, Field(ge=1)] | None = None
    memory_limit: Annotated[str, Field(pattern=r"^\d+(\.\d+)?\s*([KMGT]i?B)$")] | None = None
    lock_wait_seconds: Annotated[float, Field(ge=0, le=86_400)] = 30.0


class Settings(Section):
    """The whole configuration; every key has a default."""

    warehouse: str = "warehouse"
    sources: Sources = Sources()
    users: Users = Users()
    events: Events = Events()
    measures: list[Measure] = business.MEASURES
    ratios: list[Ratio] = business.RATIOS
    features: Features = Features()
    churn: Churn = Churn()
    population: Population = Population()
    training: Training = Training()
    calibration: Calibration = Calibration()
    evaluation: Evaluation = Evaluation()
    promotion: Promotion = Promotion()
    scoring: Scoring = Scoring()
    drift: Drift = Drift()
    serving: Serving = Serving()
    retraining: Retraining = Retraining()
    engine: Engine = Engine()

    @model_validator(mode="before")
    @classmethod
    def _measures_imply_values(cls, content: object) -> object:
        """Configured measures replace the default values, types and ratios too."""
        if not isinstance(content, dict) or content.get("measures") is None:
            return content
        events = content.get("events")
        events = {
            "types": None,
            "values": _implied(content["measures"]),
            **(events if isinstance(events, dict) else {}),
        }
        return {"ratios": [], **content, "events": events}


def _implied(measures: object) -> list[dict[str, str]]:
    """The values that the measures read: text where they are counted as distinct, else numbers."""
    rows = [row for row in (measures if isinstance(measures, list) else []) if isinstance(row, dict)]
    aggregates = {row["column"]: row.get("aggregate") for row in rows if isinstance(row.get("column"), str)}
    return [
        {"name": name, "type": "text" if aggregate == "distinct" else "number"}
        for name, aggregate in aggregates.items()
    ]
