"""The settings: one YAML file, checked once, frozen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from churn_duck.errors import ConfigError

ModelName = Literal["baseline_logreg", "candidate_hgb"]
MODEL_NAMES: tuple[ModelName, ...] = get_args(ModelName)

IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def _identifier(name: str) -> str:
    if not IDENTIFIER.fullmatch(name):
        raise ValueError("must be an identifier: lower-case letters, digits and _, not starting with a digit")
    return name


def _windows(days: list[int]) -> list[int]:
    if len(set(days)) != len(days):
        raise ValueError("must not repeat a window")
    return sorted(days)


Identifier = Annotated[str, AfterValidator(_identifier)]
Days = Annotated[int, Field(ge=1, le=3650)]
Share = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    """Unknown keys are errors, values keep the type they were given in, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Sources(Section):
    """Files or globs for `run` to land first; null: what has landed."""

    users: str | None = None
    events: str | None = None


class Features(Section):
    """Look-back windows in days, and columns that are never features."""

    windows_days: Annotated[list[Days], Field(min_length=1, max_length=12), AfterValidator(_windows)] = [7, 14, 30]
    exclude: list[Identifier] = ["engagement_score"]


class Churn(Section):
    """H: a user without any activity in the next `window_days` days has churned."""

    window_days: Days = 30


class Population(Section):
    """Eligible: active within the last so many days; null: every user-day."""

    active_within_days: Days | None = 30


class Training(Section):
    """How snapshots are taken and split, and whether the shipped model is refit on all of them."""

    snapshot_every_days: Days = 7
    test_size: Share = 0.2
    random_state: Annotated[int, Field(ge=0, le=2**32 - 1)] = 42
    imbalance_strategy: Literal["none", "class_weight"] = "none"
    refit: bool = True


class Evaluation(Section):
    """The metric that decides between models."""

    primary_metric: Literal["pr_auc", "roc_auc", "log_loss", "brier"] = "pr_auc"


class Promotion(Section):
    """A challenger replaces production when it is better by more than `margin` with this `confidence`."""

    margin: Annotated[float, Field(ge=0)] = 0.0
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95


class Scoring(Section):
    """Length of the top list, and the risk from which a user counts as high risk."""

    top_k: Annotated[int, Field(ge=1)] = 50
    high_risk_threshold: Share = 0.7


class Drift(Section):
    """Bins and verdict thresholds of the population stability index."""

    bins: Annotated[int, Field(ge=3, le=100)] = 10
    warn_psi: Annotated[float, Field(gt=0)] = 0.1
    fail_psi: Annotated[float, Field(gt=0)] = 0.25


class Engine(Section):
    """DuckDB's threads and memory (such as 4GB); null: DuckDB's own choice."""

    threads: Annotated[int, Field(ge=1)] | None = None
    memory_limit: Annotated[str, Field(pattern=r"^\d+(\.\d+)?\s*([KMGT]i?B)$")] | None = None


class Settings(Section):
    """The whole configuration; every key has a default."""

    warehouse: str = "warehouse"
    sources: Sources = Sources()
    features: Features = Features()
    churn: Churn = Churn()
    population: Population = Population()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    promotion: Promotion = Promotion()
    scoring: Scoring = Scoring()
    drift: Drift = Drift()
    engine: Engine = Engine()


def load_settings(path: Path | None) -> Settings:
    """Settings from a YAML file; the defaults without one.

    Raises: ConfigError naming the key, the value and what is allowed.
    """
    if path is None:
        return Settings()
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read configuration {path}: {error.strerror}; check --config") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error}") from error
    return parse_settings({} if content is None else content, str(path))


def parse_settings(content: object, source: str) -> Settings:
    """Settings from a parsed mapping; `source` names it in errors."""
    if not isinstance(content, dict):
        raise ConfigError(f"{source} must hold keys and values, not {type(content).__name__}")
    try:
        settings = Settings.model_validate(content)
    except ValidationError as error:
        complaints = [_complaint(dict(item)) for item in error.errors()]
        raise ConfigError(f"{source}: " + "; ".join(complaints)) from error
    if settings.drift.fail_psi <= settings.drift.warn_psi:
        raise ConfigError(
            f"{source}: drift.fail_psi is {settings.drift.fail_psi}; it must exceed warn_psi {settings.drift.warn_psi}"
        )
    return settings


def _complaint(item: dict[str, Any]) -> str:
    location = [str(part) for part in item["loc"]]
    key = ".".join(location)
    if item["type"] == "extra_forbidden":
        return f"unknown key {key}; allowed: {', '.join(_section_keys(location[:-1]))}"
    return f"{key} is {item['input']!r}; {item['msg'].removeprefix('Value error, ')}"


def _section_keys(location: list[str]) -> list[str]:
    section: type[BaseModel] = Settings
    for part in location:
        annotation = section.model_fields[part].annotation
        section = next(kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type))
    return sorted(section.model_fields)
