"""A retraining as a Kubernetes Job created from the CronJob that retrains; the warehouse is not touched."""

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
    """The Kubernetes API rejected a request; `status` is its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True)
class JobStarter:
    """Creates at most one Job until `cooldown` after its end; `credentials` holds the service account's token and CA.

    The Job always has the same name, so that Kubernetes refuses a second one while the first exists, and Kubernetes
    deletes it `cooldown` after its end. This holds for a failed Job too: it would fail again on the same data, and an
    alert that keeps firing would repeat it.
    """

    url: str
    namespace: str
    cronjob: str
    cooldown: timedelta
    credentials: Path = CREDENTIALS

    def start(self, alerts: Sequence[str]) -> Started:
        """Create the Job, unless it exists. Raises: StartFailed."""
        name = f"{self.cronjob}-alert"
        jobs = f"/apis/batch/v1/namespaces/{self.namespace}"
        try:
            cronjob = self._call("GET", f"{jobs}/cronjobs/{self.cronjob}")
            self._call(
                "POST", f"{jobs}/jobs", job(cronjob, name, self.namespace, retrain_options(alerts), self.cooldown)
            )
        except Rejected as rejection:
            if rejection.status == 409:
                return Started(name, False, self._exists(name))
            raise StartFailed(f"Kubernetes refused: {rejection}") from rejection
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StartFailed(f"cannot reach Kubernetes: {type(error).__name__}: {error}") from error
        return Started(name, True, f"created the Job {name} from the CronJob {self.cronjob}")

    def _exists(self, name: str) -> str:
        state = f"it is running, or ended less than {self.cooldown.total_seconds() / 60:g} minutes ago"
        return f"already started: the Job {name} exists ({state}); to allow another: kubectl delete job {name}"

    def _call(self, method: str, path: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self.url + path, body, method=method)
        # read each time, since Kubernetes rotates it every hour
        request.add_header("Authorization", f"Bearer {(self.credentials / 'token').read_text().strip()}")
        request.add_header("Content-Type", "application/json")
        request.add_header("Accept", "application/json")
        trusted = (
            ssl.create_default_context(cafile=self.credentials / "ca.crt") if self.url.startswith("https") else None
        )
        # ignores proxies of the environment: the API is in the cluster
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted), _NoRedirect()
        )
        try:
            with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                return dict(json.load(response))
        except urllib.error.HTTPError as error:
            with error:
                raise Rejected(error.code, _status_message(error.read(10_000), error.reason)) from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects, so that the token goes to the API only."""

    def redirect_request(self, *arguments: Any, **named: Any) -> None:
        return None


def _status_message(body: bytes, reason: str) -> str:
    """Returns the message of a Status object, or the reason of the HTTP response."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return reason


def job(cronjob: Mapping[str, Any], name: str, namespace: str, words: Sequence[str], kept: timedelta) -> dict[str, Any]:
    """Returns the Job as the CronJob's controller would create it, marked as manual, with `words` as extra arguments.

    It is kept for `kept` after its end, whatever the template says. The CronJob owns it, so that both are deleted
    together, but is not its controller, which would apply its history limits. blockOwnerDeletion is not set, since it
    would need access to the CronJob's finalizers. Raises: StartFailed for a CronJob that does not retrain.
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
    """Returns the spec of a Job with `words` after the arguments of the container that retrains."""
    content = copy.deepcopy(dict(spec))
    for container in content["template"]["spec"]["containers"]:
        if "retrain" in container.get("args", []):
            container["args"] += words
            return content
    raise StartFailed(f"no container of the CronJob {cronjob} has retrain in its args; set {CRONJOB} to one that does")


def job_starter(
    cooldown: timedelta, environment: Mapping[str, str] = os.environ, credentials: Path = CREDENTIALS
) -> JobStarter | None:
    """Returns the starter of a pod whose environment names a CronJob, else None.

    Raises: ConfigError when a CronJob is named outside a cluster, or without a namespace.
    """
    cronjob = environment.get(CRONJOB)
    if not cronjob:
        return None
    host, port = (environment.get(f"KUBERNETES_SERVICE_{part}") for part in ("HOST", "PORT"))
    if not host or not port:
        raise ConfigError(
            f"{CRONJOB} is set, but this is not running in a pod: KUBERNETES_SERVICE_HOST and _PORT are missing"
        )
    namespace = environment.get(NAMESPACE) or _own_namespace(credentials)
    address = f"[{host}]" if ":" in host else host
    return JobStarter(f"https://{address}:{port}", namespace, cronjob, cooldown, credentials)


def _own_namespace(credentials: Path) -> str:
    try:
        return (credentials / "namespace").read_text().strip()
    except OSError as error:
        raise ConfigError(f"{CRONJOB} is set; set {NAMESPACE} too, or mount the service account") from error
