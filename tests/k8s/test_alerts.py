"""The alert rules are what promtool takes, fire when they should, and read metrics that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from churn_duck.serving.api.request_metrics import Traffic
from churn_duck.warehouse.catalog import sql_files

FOLDER = Path(__file__).parents[2] / "monitoring"
PROMTOOL = shutil.which("promtool")
CLUSTER = {"kube_job_status_failed"}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
@pytest.mark.parametrize("words", ["check rules alerts.yaml", "test rules alerts_test.yaml"])
def test_promtool_agrees(words: str) -> None:
    done = subprocess.run([str(PROMTOOL), *words.split()], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_alerts_of_the_contract_are_there_and_every_alert_is_tested_and_says_what_to_do() -> None:
    names = {rule["alert"] for rule in rules()}
    tested = re.findall(r"alertname: (\w+)\n +exp_alerts", (FOLDER / "alerts_test.yaml").read_text())
    assert {"ChurnApiHighErrorRate", "ChurnApiHighLatencyP95", "ChurnDataDriftJobFailed"} < names
    assert names == set(tested)
    assert all(set(rule["annotations"]) == {"summary", "action"} for rule in rules())


def test_every_metric_that_a_rule_reads_is_exposed() -> None:
    read = set(re.findall(r"\b(?:churn|kube)_\w+", " ".join(rule["expr"] for rule in rules())))
    texts = [file.path.read_text() for file in sql_files() if file.name.endswith("_metrics")]
    exposed = set(re.findall(r"'(churn_\w+)'", "".join(texts)))
    collected = {sample.name for family in Traffic().registry.collect() for sample in family.samples}
    api = {"churn_api_requests_total", "churn_api_request_latency_seconds_bucket"}
    assert read <= exposed | api | CLUSTER
    assert "churn_api_predictions_total" in collected
