"""A retraining as a Kubernetes Job, made from the CronJob that retrains; nothing is written to the warehouse."""

from __future__ import annotations

import copy
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from churn_duck.errors import ConfigError
from churn_duck.serving.hook.starter import Started, StartFailed, retrain_options

CRONJOB, NAMESPACE = "CHURN_DUCK_RETRAIN_CRONJOB", "CHURN_DUCK_NAMESPACE"
CREDENTIALS = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TIMEOUT_SECONDS = 10


class Rejected(Exception):
    """The Kubernetes API said no; `status` is its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True)
class JobStarter:
    """Makes one Job until `cooldown` after its end; `credentials` holds the service account's token and CA.

    The Job has always the same name, so that Kubernetes itself refuses a second one for as long as the first is there,
    and Kubernetes deletes it that long after its end. A Job that failed is no exception: on the same data it would fail
    again, and an alert that goes on firing would repeat it.
    """

    url: str
    namespace: str
    cronjob: str
    cooldown: timedelta
    credentials: Path = CREDENTIALS

    def start(self, alerts: Sequence[str]) -> Started:
        """Make the Job, unless there is one. Raises: StartFailed."""
        name = f"{self.cronjob}-alert"
        jobs = f"/apis/batch/v1/namespaces/{self.namespace}"
        try:
            cronjob = self._call("GET", f"{jobs}/cronjobs/{self.cronjob}")
            self._call(
                "POST", f"{jobs}/jobs", job(cronjob, name, self.namespace, retrain_options(alerts), self.cooldown)
            )
        except Rejected as rejection:
            if rejection.status == 409:
                return Started(name, False, self._already(name))
            raise StartFailed(f"Kubernetes refuses: {rejection}") from rejection
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StartFailed(f"Kubernetes cannot be asked: {type(error).__name__}: {error}") from error
        return Started(name, True, f"the Job {name} was made from the CronJob {self.cronjob}")

    def _already(self, name: str) -> str:
        until = f"it runs, or ended less than {self.cooldown.total_seconds() / 60:g} minutes ago"
        return (
            f"already started: the Job {name} exists; {until}; kubectl delete job {name} lets the next one start sooner"
        )

    def _call(self, method: str, path: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self.url + path, body, method=method)
        # read anew each time: Kubernetes replaces it every hour
        request.add_header("Authorization", f"Bearer {(self.credentials / 'token').read_text().strip()}")
        request.add_header("Content-Type", "application/json")
        request.add_header("Accept", "application/json")
        trusted = (
            ssl.create_default_context(cafile=self.credentials / "ca.crt") if self.url.startswith("https") else None
        )
        # no proxy of the environment: the API is in the cluster
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted), _NoRedirect()
        )
        try:
            with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as refusal:
            with refusal:
                raise Rejected(refusal.code, _said(refusal.read(10_000), refusal.reason)) from refusal


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The token goes to the API and nowhere else."""

    def redirect_request(self, *arguments: Any, **named: Any) -> None:
        return None


def _said(body: bytes, reason: str) -> str:
    """The message of a Status object, or the reason of the HTTP answer."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return reason


def job(cronjob: Mapping[str, Any], name: str, namespace: str, words: Sequence[str], kept: timedelta) -> dict[str, Any]:
    """The Job as the CronJob's controller would make it, marked as made by hand, `words` added to its command.

    It stays for `kept` after its end, whatever the template says. The CronJob owns it and goes with it, but is not its
    controller, which deletes what exceeds its history limits. Without blockOwnerDeletion, which would need a right to
    the CronJob's finalizers. Raises: StartFailed for a CronJob that does not retrain.
    """
    template = cronjob["spec"]["jobTemplate"]
    meta, owner = template.get("metadata", {}), cronjob["metadata"]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {**meta.get("labels", {})},
            "annotations": {**meta.get("annotations", {}), "cronjob.kubernetes.io/instantiate": "manual"},
            "ownerReferences": [
                {"apiVersion": "batch/v1", "kind": "CronJob", "name": owner["name"], "uid": owner["uid"]},
            ],
        },
        "spec": {
            **_spec(template["spec"], words, owner["name"]),
            "ttlSecondsAfterFinished": int(kept.total_seconds()),
        },
    }


def _spec(spec: Mapping[str, Any], words: Sequence[str], cronjob: str) -> dict[str, Any]:
    """The spec of a Job with `words` after the arguments of the container that retrains."""
    content = copy.deepcopy(dict(spec))
    for container in content["template"]["spec"]["containers"]:
        if "retrain" in container.get("args", []):
            container["args"] += words
            return content
    raise StartFailed(f"the CronJob {cronjob} has no container whose args say retrain; set {CRONJOB} to one that has")


def job_starter(
    cooldown: timedelta, environment: Mapping[str, str] = os.environ, credentials: Path = CREDENTIALS
) -> JobStarter | None:
    """The starter of a pod whose environment names a CronJob; None where it does not.

    Raises: ConfigError when it is named outside a cluster, or without a namespace.
    """
    cronjob = environment.get(CRONJOB)
    if not cronjob:
        return None
    host, port = (environment.get(f"KUBERNETES_SERVICE_{part}") for part in ("HOST", "PORT"))
    if not host or not port:
        raise ConfigError(f"{CRONJOB} is set, but this is no pod: KUBERNETES_SERVICE_HOST and _PORT are missing")
    namespace = environment.get(NAMESPACE) or _own_namespace(credentials)
    address = f"[{host}]" if ":" in host else host
    return JobStarter(f"https://{address}:{port}", namespace, cronjob, cooldown, credentials)


def _own_namespace(credentials: Path) -> str:
    try:
        return (credentials / "namespace").read_text().strip()
    except OSError as error:
        raise ConfigError(f"{CRONJOB} is set; set {NAMESPACE} too, or mount the service account") from error
