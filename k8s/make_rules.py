"""Writes the PrometheusRule of the prometheus overlay from monitoring/alerts.yaml, where the rules are tested."""

from __future__ import annotations

import textwrap
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "k8s/overlays/prometheus/rules.yaml"
HEAD = """\
# Made of monitoring/alerts.yaml by `just k8s-rules`; change the rules there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: churn-duck
  labels:
    # what the operator's Prometheus selects by, as its Helm chart installs it
    release: kube-prometheus-stack
spec:
"""


def made() -> str:
    """The whole file."""
    rules = (ROOT / "monitoring/alerts.yaml").read_text(encoding="utf-8")
    return HEAD + textwrap.indent(rules[rules.index("groups:") :], "  ")


if __name__ == "__main__":
    TARGET.write_text(made(), encoding="utf-8")
