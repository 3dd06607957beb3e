"""Settings from a YAML file, with errors that name the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from churn_duck.errors import ConfigError
from churn_duck.settings.config import Settings
from churn_duck.settings.consistency import contradictions


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
        raise ConfigError(f"{source} must be a mapping of keys to values, not {type(content).__name__}")
    try:
        settings = Settings.model_validate(content)
    except ValidationError as error:
        messages = [_message(dict(item)) for item in error.errors()]
        raise ConfigError(f"{source}: " + "; ".join(messages)) from error
    conflicts = list(contradictions(settings))
    if conflicts:
        raise ConfigError(f"{source}: " + "; ".join(conflicts))
    return settings


def _message(item: dict[str, Any]) -> str:
    location = [str(part) for part in item["loc"]]
    key = ".".join(location)
    if item["type"] == "extra_forbidden":
        return f"unknown key {key}; allowed: {', '.join(_section_keys(location[:-1]))}"
    return f"{key} is {item['input']!r}; {item['msg'].removeprefix('Value error, ')}"


def _section_keys(location: list[str]) -> list[str]:
    section: type[BaseModel] = Settings
    for part in location:
        if part in section.model_fields:
            annotation = section.model_fields[part].annotation
            types = (annotation, *get_args(annotation))
            section = next(item for item in types if isinstance(item, type) and issubclass(item, BaseModel))
    return sorted(section.model_fields)
