"""Typos and wrong types are errors that name the key and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from churn_duck.errors import ConfigError
from churn_duck.settings.config import Settings
from churn_duck.settings.load import load_settings, parse_settings
from churn_duck.settings.reason_text import feature_words
from churn_duck.settings.view_columns import (
    column_comments,
    feature_columns,
    feature_directions,
    feature_families,
    kept_feature_columns,
)

# the decided keys and defaults; calibration, promotion, activity and max_rows are ours
DECIDED = """
warehouse: warehouse
features: {windows_days: [7, 14, 30], history: true, exclude: [engagement_score]}
churn: {window_days: 30, lead_days: 0, activity: null}
population: {active_within_days: 30}
training:
  {recipe: default, snapshot_every_days: 7, test_size: 0.2, random_state: 42, imbalance_strategy: none, refit: true,
  max_rows: null}
calibration: {method: sigmoid, size: 0.5}
evaluation: {primary_metric: pr_auc}
promotion: {margin: 0.0, confidence: 0.95, max_ece: 0.1}
scoring: {top_k: 50, high_risk_threshold: 0.7}
drift:
  {bins: 10, warn_psi: 0.1, fail_psi: 0.25, warn_unseen: 0.01, fail_unseen: 0.03, warn_volume: 1.5, fail_volume: 2.0,
  fail_silent_days: 2}
retraining: {cooldown_days: 7, every_days: 28, max_age_days: 91, doubt_days: 14}
serving: {history_days: 90, keep_snapshots: 5, max_age_days: 2.0, max_rows: 10000,
          hook_alerts: [ChurnDataDrift, ChurnRealisedLoss], hook_cooldown_minutes: 1440}
engine: {threads: null, memory_limit: null, lock_wait_seconds: 30.0}
"""


def test_the_defaults_are_the_decided_ones_and_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    lists = {"sources", "users", "events", "measures", "ratios"}
    assert Settings().model_dump(exclude=lists) == yaml.safe_load(DECIDED)
    assert parse_settings({"sources": {"users": None, "events": None}}, "test") == Settings()
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    assert load_settings(tmp_path / "empty.yaml") == load_settings(None) == Settings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("churn: {windw_days: 30}", "unknown key churn.windw_days; allowed: activity, lead_days, window_days"),
        ("chrun: {}", "unknown key chrun; allowed: calibration, churn, drift,"),
        ("churn: {window_days: thirty}", "churn.window_days is 'thirty'"),
        ("churn: {window_days: 30.5}", "churn.window_days is 30.5"),
        ("churn: {window_days: 0}", "churn.window_days is 0"),
        ("training: {refit: yes please}", "training.refit is 'yes please'"),
        ("training: {test_size: 1}", "training.test_size is 1"),
        ("training: {imbalance_strategy: smote}", "'none' or 'class_weight'"),
        ("evaluation: {primary_metric: accuracy}", "evaluation.primary_metric is 'accuracy'"),
        ("features: {windows_days: []}", "features.windows_days is \\[\\]"),
        ("features: {windows_days: [7, 7]}", "windows must be unique"),
        ("features: {exclude: ['a; drop table']}", "must be an identifier"),
        ("engine: {memory_limit: lots}", "engine.memory_limit is 'lots'"),
        ("drift: {warn_psi: 0.3}", "must be greater than warn_psi"),
        ("- a list", "must be a mapping of keys to values"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_mistake_is_named_with_its_value_and_the_way_out(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "churn.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as error:
        load_settings(path)
    assert "churn.yaml" in str(error.value)


def test_a_missing_file_is_an_error_not_the_defaults(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read configuration"):
        load_settings(tmp_path / "none.yaml")


def test_an_excluded_feature_must_exist_and_the_recency_stays() -> None:
    with pytest.raises(ConfigError, match="names mood; allowed: days_since_signup"):
        kept_feature_columns(parse_settings({"features": {"exclude": ["mood"]}}, "test"))
    with pytest.raises(ConfigError, match="it stays"):
        kept_feature_columns(parse_settings({"features": {"exclude": ["days_since_last_activity"]}}, "test"))
    kept = kept_feature_columns(parse_settings({"features": {"exclude": ["plan"]}}, "test"))
    assert "plan" not in kept
    assert "engagement_score" in kept


@pytest.mark.parametrize(
    "content", [{}, {"measures": [{"name": "visits"}, {"name": "calls", "events": ["call"], "activity": False}]}]
)
def test_every_feature_has_a_direction_and_a_family(content: dict[str, object]) -> None:
    settings = parse_settings(content, "test")
    for kinds in (feature_directions(settings), feature_families(settings)):
        assert set(kinds) == set(feature_columns(settings))


def test_directions_follow_activity_unless_a_measure_says_otherwise() -> None:
    measures = [
        {"name": "visits"},
        {"name": "calls", "events": ["call"], "activity": False},
        {"name": "returns", "direction": 1},
    ]
    directions = feature_directions(parse_settings({"measures": measures}, "test"))
    expected = {"visits_7d": -1, "calls_7d": 0, "returns_7d": 1, "days_since_last_activity": 1, "plan": 0}
    assert {name: directions[name] for name in expected} == expected


def test_features_of_the_history_can_be_switched_off() -> None:
    without = parse_settings({"features": {"history": False}}, "test")
    added = set(feature_columns(Settings())) - set(feature_columns(without))
    assert {"usual_gap_days", "active_days_decayed_30d", "logins_trend_7d_30d"} <= added
    assert not [name for name in feature_columns(without) if "gap" in name or "decayed" in name]


def test_every_feature_has_words_and_a_comment() -> None:
    words = {row["feature"] for row in feature_words(Settings())}
    assert words == set(feature_columns(Settings())) <= set(column_comments(Settings()))
