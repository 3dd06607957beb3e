"""What must hold of every rendered overlay and no schema says: each rule yields a sentence for whatever breaks it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import combinations
from pathlib import PurePosixPath
from typing import Any

import typer
import yaml
from churn_duck_cli import main
from churn_duck_cli.app import app

from churn_duck.errors import ConfigError
from churn_duck.settings.load import parse_settings
from tests.k8s.objects import (
    Object,
    Pod,
    cron_values,
    environment,
    matches,
    names,
    of_kind,
    pods,
    quantity,
)

Rule = Callable[[list[Object]], Iterator[str]]
RULES: list[Rule] = []
# made by hand, so that no token is in the repository
SECRETS = {"churn-duck-tokens": {"api-token", "hook-token"}}
DEMO = "churn-duck-demo"
DRIFTED = 2
MINUTES_A_WEEK = 7 * 24 * 60


def rule(check: Rule) -> Rule:
    RULES.append(check)
    return check


def faults(objects: list[Object]) -> list[str]:
    """Everything that breaks a rule, as `rule: what`."""
    return [f"{check.__name__}: {said}" for check in RULES for said in check(objects)]


def namespace(objects: list[Object]) -> str:
    return str(of_kind(objects, "Namespace")[0]["metadata"]["name"])


# names and places


@rule
def naming(objects: list[Object]) -> Iterator[str]:
    seen = [(item["kind"], item["metadata"]["name"]) for item in objects]
    yield from (f"{kind} {name} is there twice" for kind, name in {pair for pair in seen if seen.count(pair) > 1})
    for kind, name in seen:
        longest = 52 if kind == "CronJob" else 63
        if not re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", name) or len(name) > longest:
            yield f"{kind} {name!r} is no name"
    for pod in pods(objects):
        for item in (*pod.containers, *pod.spec.get("volumes", [])):
            if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", item["name"]):
                yield f"{pod.name}: {item['name']!r} is no name"


@rule
def label_values(objects: list[Object]) -> Iterator[str]:
    for item in objects:
        for key, value in item["metadata"].get("labels", {}).items():
            if not isinstance(value, str) or not re.fullmatch(r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?", value):
                yield f"{item['kind']} {item['metadata']['name']}: {key}={value!r}"


@rule
def one_namespace(objects: list[Object]) -> Iterator[str]:
    if len(of_kind(objects, "Namespace")) != 1:
        yield "there must be one Namespace"
    labels = of_kind(objects, "Namespace")[0]["metadata"].get("labels", {})
    if labels.get("pod-security.kubernetes.io/enforce") != "restricted":
        yield "the Namespace does not enforce restricted pods"
    for item in objects:
        if item["kind"] != "Namespace" and item["metadata"].get("namespace") != namespace(objects):
            yield f"{item['kind']} {item['metadata']['name']} is in another namespace"


@rule
def one_image(objects: list[Object]) -> Iterator[str]:
    images = {container["image"] for pod in pods(objects) for container in pod.containers}
    if len(images) != 1:
        yield f"images differ: {sorted(images)}"
    yield from (
        f"{image} has no fixed tag"
        for image in images
        if not re.search(r"(:(?!latest$)[\w.-]+|@sha256:\w{64})$", image)
    )


@rule
def enumerations(objects: list[Object]) -> Iterator[str]:
    allowed = {
        "concurrencyPolicy": {"Forbid"},
        "imagePullPolicy": {"IfNotPresent", "Always"},
        "accessModes": {"ReadWriteOnce", "ReadWriteMany"},
        "protocol": {"TCP", "UDP"},
        "policyTypes": {"Ingress", "Egress"},
        "action": {"FailJob", "Ignore", "Count"},
        "fsGroupChangePolicy": {"OnRootMismatch", "Always"},
        "type": {"RollingUpdate", "Recreate", "ClusterIP", "RuntimeDefault", "DisruptionTarget"},
    }
    for item in objects:
        if item["kind"] in ("ConfigMap", "PrometheusRule"):
            continue
        for key, value in _leaves(item.get("spec", {})):
            if key in allowed and value not in allowed[key]:
                yield f"{item['kind']} {item['metadata']['name']}: {key} is {value!r}"


def _leaves(content: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(content, dict):
        for name, value in content.items():
            yield from _leaves(value, name)
    elif isinstance(content, list):
        for value in content:
            yield from _leaves(value, key)
    else:
        yield key, content


# volumes, configuration, secrets


@rule
def volumes_and_mounts(objects: list[Object]) -> Iterator[str]:
    for pod in pods(objects):
        volumes = [volume["name"] for volume in pod.spec.get("volumes", [])]
        mounts = [mount for container in pod.containers for mount in container.get("volumeMounts", [])]
        if sorted(volumes) != sorted({mount["name"] for mount in mounts}):
            yield f"{pod.name}: has {sorted(volumes)}, mounts {sorted({mount['name'] for mount in mounts})}"
        paths = [mount["mountPath"] for mount in mounts]
        if len(paths) != len(set(paths)):
            yield f"{pod.name}: two mounts at one path"
        for volume in pod.spec.get("volumes", []):
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            config = volume.get("configMap", {}).get("name")
            if claim and claim not in names(objects, "PersistentVolumeClaim"):
                yield f"{pod.name}: there is no claim {claim}"
            if config and config not in names(objects, "ConfigMap"):
                yield f"{pod.name}: there is no ConfigMap {config}"


@rule
def configuration(objects: list[Object]) -> Iterator[str]:
    contents = {item["metadata"]["name"]: item["data"] for item in of_kind(objects, "ConfigMap")}
    for pod in pods(objects):
        maps = {volume["name"]: volume.get("configMap", {}).get("name") for volume in pod.spec.get("volumes", [])}
        for container in pod.containers:
            path = PurePosixPath(environment(container).get("CHURN_DUCK_CONFIG", {}).get("value", "none"))
            mounts = {mount["mountPath"]: mount["name"] for mount in container.get("volumeMounts", [])}
            text = contents.get(str(maps.get(mounts.get(str(path.parent), ""))), {}).get(path.name)
            if text is None:
                yield f"{pod.name}: there is no {path} in what is mounted"
                continue
            try:
                settings = parse_settings(yaml.safe_load(text), path.name)
            except ConfigError as error:
                yield f"{pod.name}: {error}"
                continue
            places = [settings.warehouse, *filter(None, (settings.sources.users.path, settings.sources.events.path))]
            yield from (f"{pod.name}: {place} is on no volume" for place in places if not _is_under(place, mounts))


def _is_under(place: str, mounts: dict[str, str]) -> bool:
    return any(PurePosixPath(place).is_relative_to(mount) for mount, name in mounts.items() if name == "data")


@rule
def references(objects: list[Object]) -> Iterator[str]:
    contents = {item["metadata"]["name"]: set(item["data"]) for item in of_kind(objects, "ConfigMap")}
    for pod in pods(objects):
        for container in pod.containers:
            for name, item in environment(container).items():
                source = item.get("valueFrom", {})
                for kind, known in (("secretKeyRef", SECRETS), ("configMapKeyRef", contents)):
                    wanted = source.get(kind)
                    if wanted and wanted["key"] not in known.get(wanted["name"], set()):
                        yield f"{pod.name}: {name} wants {wanted['key']} of {wanted['name']}"
                if "TOKEN" in name and "secretKeyRef" not in source:
                    yield f"{pod.name}: {name} does not come from a Secret"


@rule
def one_node(objects: list[Object]) -> Iterator[str]:
    """All pods on a volume of one node at a time ask for each other's node; the API only reads."""
    claims = of_kind(objects, "PersistentVolumeClaim")
    for pod in pods(objects):
        terms = (
            pod.spec.get("affinity", {})
            .get("podAffinity", {})
            .get("requiredDuringSchedulingIgnoredDuringExecution", [])
        )
        together = [term for term in terms if term["topologyKey"] == "kubernetes.io/hostname"]
        once = any(claim["spec"]["accessModes"] == ["ReadWriteOnce"] for claim in claims)
        if once and not any(matches(term["labelSelector"], pod.labels) for term in together):
            yield f"{pod.name} may land on another node than the volume"
        for mount in (mount for item in pod.containers for mount in item["volumeMounts"] if mount["name"] == "data"):
            if (pod.job is None) != mount.get("readOnly", False):
                yield f"{pod.name}: only the API, and always the API, mounts data read-only"


# selectors


@rule
def selectors(objects: list[Object]) -> Iterator[str]:
    for item in of_kind(objects, "Deployment"):
        if not matches(item["spec"]["selector"], item["spec"]["template"]["metadata"]["labels"]):
            yield f"Deployment {item['metadata']['name']} does not select its own pods"
    for item in of_kind(objects, "Service"):
        selected = [pod for pod in pods(objects) if matches({"matchLabels": item["spec"]["selector"]}, pod.labels)]
        if [pod.owner["kind"] for pod in selected] != ["Deployment"]:
            yield f"Service {item['metadata']['name']} selects {[pod.name for pod in selected]}"
        ports = {port["name"] for pod in selected for box in pod.containers for port in box.get("ports", [])}
        if not {port["targetPort"] for port in item["spec"]["ports"]} <= ports:
            yield f"Service {item['metadata']['name']} leads to no port"
    for item in of_kind(objects, "PodDisruptionBudget"):
        selected = [pod for pod in pods(objects) if matches(item["spec"]["selector"], pod.labels)]
        if [pod.owner["kind"] for pod in selected] != ["Deployment"]:
            yield f"PodDisruptionBudget {item['metadata']['name']} selects {[pod.name for pod in selected]}"
        elif selected[0].owner["spec"]["replicas"] <= item["spec"].get("minAvailable", 0):
            yield f"PodDisruptionBudget {item['metadata']['name']} lets no node be drained"
    for item in of_kind(objects, "ServiceMonitor"):
        services = [
            one for one in of_kind(objects, "Service") if matches(item["spec"]["selector"], one["metadata"]["labels"])
        ]
        ports = {port["name"] for one in services for port in one["spec"]["ports"]}
        if not services or not {endpoint["port"] for endpoint in item["spec"]["endpoints"]} <= ports:
            yield f"ServiceMonitor {item['metadata']['name']} selects no port of a Service"


@rule
def network(objects: list[Object]) -> Iterator[str]:
    policies = of_kind(objects, "NetworkPolicy")
    if not any(_denies_all(item["spec"]) for item in policies):
        yield "nothing is denied by default"
    for item in policies:
        if not any(matches(item["spec"]["podSelector"], pod.labels) for pod in pods(objects)):
            yield f"NetworkPolicy {item['metadata']['name']} selects no pod"
        for direction, key in (("Ingress", "ingress"), ("Egress", "egress")):
            if (key in item["spec"]) != (direction in item["spec"]["policyTypes"]) and not _denies_all(item["spec"]):
                yield f"NetworkPolicy {item['metadata']['name']}: {key} and policyTypes differ"
    for pod in pods(objects):
        if 53 not in _ports(objects, pod, "egress"):
            yield f"{pod.name} cannot ask for names"
        served = {port["containerPort"] for item in pod.containers for port in item.get("ports", [])}
        if served != _ports(objects, pod, "ingress"):
            yield f"{pod.name} serves {served} and lets in {_ports(objects, pod, 'ingress')}"
        if pod.spec.get("automountServiceAccountToken") and not _ports(objects, pod, "egress") >= {443, 6443}:
            yield f"{pod.name} cannot reach the Kubernetes API"


def _denies_all(spec: Object) -> bool:
    return (
        spec["podSelector"] == {}
        and set(spec["policyTypes"]) == {"Ingress", "Egress"}
        and not {"ingress", "egress"} & spec.keys()
    )


def _ports(objects: list[Object], pod: Pod, direction: str) -> set[int]:
    allowed = [
        item["spec"] for item in of_kind(objects, "NetworkPolicy") if matches(item["spec"]["podSelector"], pod.labels)
    ]
    return {port["port"] for spec in allowed for way in spec.get(direction, []) for port in way.get("ports", [])}


# resources and restarts


@rule
def resources(objects: list[Object]) -> Iterator[str]:
    for pod in pods(objects):
        for container in pod.containers:
            wanted = container.get("resources", {})
            requests, limits = wanted.get("requests", {}), wanted.get("limits", {})
            if not {"cpu", "memory", "ephemeral-storage"} <= requests.keys() & limits.keys():
                yield f"{pod.name}: requests and limits of cpu, memory and ephemeral-storage are needed"
            for name, text in (*requests.items(), *limits.items()):
                if quantity(text) is None:
                    yield f"{pod.name}: {name} {text!r} is no quantity"
            for name in requests.keys() & limits.keys():
                if (quantity(limits[name]) or 0) < (quantity(requests[name]) or 0):
                    yield f"{pod.name}: the limit of {name} is below the request"
        for volume in pod.spec.get("volumes", []):
            if "emptyDir" in volume and quantity(volume["emptyDir"].get("sizeLimit")) is None:
                yield f"{pod.name}: {volume['name']} may grow without end"
    for claim in of_kind(objects, "PersistentVolumeClaim"):
        if quantity(claim["spec"]["resources"]["requests"]["storage"]) is None:
            yield f"claim {claim['metadata']['name']}: the size is no quantity"


@rule
def jobs(objects: list[Object]) -> Iterator[str]:
    for pod in pods(objects):
        if pod.job is None:
            if pod.spec.get("restartPolicy", "Always") != "Always":
                yield f"{pod.name}: restartPolicy of a Deployment"
            continue
        if pod.spec.get("restartPolicy") != "Never":
            yield f"{pod.name}: restartPolicy must be Never"
        if not 0 < pod.job.get("activeDeadlineSeconds", 0) <= 6 * 3600:
            yield f"{pod.name}: no deadline"
        if pod.job.get("backoffLimit", 6) > 1:
            yield f"{pod.name}: tried more than twice"
        if not _fails_at_once(pod.job, DRIFTED):
            yield f"{pod.name}: drift (exit 2) would be tried again"


def _fails_at_once(job: Object, code: int) -> bool:
    rules = job.get("podFailurePolicy", {}).get("rules", [])
    first = rules[0] if rules else {}
    codes = first.get("onExitCodes", {})
    listed = codes.get("operator") == "In" and code in codes.get("values", [])
    return job.get("backoffLimit") == 0 or (first.get("action") == "FailJob" and listed)


@rule
def cron_jobs(objects: list[Object]) -> Iterator[str]:
    for item in of_kind(objects, "CronJob"):
        name, spec = item["metadata"]["name"], item["spec"]
        if spec.get("concurrencyPolicy") != "Forbid":
            yield f"{name} may run twice at once"
        if spec.get("timeZone") != "Etc/UTC":
            yield f"{name} does not say its time zone"
        if spec.get("startingDeadlineSeconds", 0) < 60:
            yield f"{name} says not how late it may start"
        if not {"successfulJobsHistoryLimit", "failedJobsHistoryLimit"} <= spec.keys():
            yield f"{name} says not how many Jobs are kept"
        if "ttlSecondsAfterFinished" not in spec["jobTemplate"]["spec"]:
            yield f"{name} says not how long Jobs are kept"
        try:
            cron_values(spec["schedule"])
        except ValueError as error:
            yield f"{name}: {error}"


@rule
def turns(objects: list[Object]) -> Iterator[str]:
    """By schedule and deadline, no two jobs ever meet."""
    spans = {}
    for item in of_kind(objects, "CronJob"):
        if not item["spec"].get("suspend"):
            length = item["spec"]["jobTemplate"]["spec"].get("activeDeadlineSeconds", 0) // 60
            spans[item["metadata"]["name"]] = _starts(item["spec"]["schedule"]), length
    for (one, (starts, length)), (other, (others, other_length)) in combinations(spans.items(), 2):
        if any(
            (b - a) % MINUTES_A_WEEK < length or (a - b) % MINUTES_A_WEEK < other_length for a in starts for b in others
        ):
            yield f"{one} and {other} may meet"


def _starts(schedule: str) -> list[int]:
    """Minutes of the week, on any day of month."""
    try:
        minutes, hours, _, _, weekdays = cron_values(schedule)
    except ValueError:
        return []
    return [
        (day * 24 + hour) * 60 + minute for day in {day % 7 for day in weekdays} for hour in hours for minute in minutes
    ]


# security


@rule
def restricted_pods(objects: list[Object]) -> Iterator[str]:
    """The pod security standard, and a read-only root file system beyond it."""
    for pod in pods(objects):
        whole = pod.spec.get("securityContext", {})
        if any(pod.spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")):
            yield f"{pod.name} shares something of the host"
        kinds = {key for volume in pod.spec.get("volumes", []) for key in volume} - {"name"}
        if not kinds <= {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}:
            yield f"{pod.name} has a volume of a kind that is not allowed"
        for container in pod.containers:
            own = {**whole, **container.get("securityContext", {})}
            checks = {
                "runs as root": own.get("runAsNonRoot") is True and own.get("runAsUser") == 10001,
                "may gain privileges": own.get("allowPrivilegeEscalation") is False and not own.get("privileged"),
                "keeps capabilities": own.get("capabilities") == {"drop": ["ALL"]},
                "has no seccomp profile": own.get("seccompProfile", {}).get("type") == "RuntimeDefault",
                "may write its root file system": own.get("readOnlyRootFilesystem") is True,
            }
            yield from (f"{pod.name} {what}" for what, holds in checks.items() if not holds)


@rule
def service_accounts(objects: list[Object]) -> Iterator[str]:
    bound = {subject["name"] for item in of_kind(objects, "RoleBinding") for subject in item["subjects"]}
    for item in of_kind(objects, "ServiceAccount"):
        if item.get("automountServiceAccountToken") is not False:
            yield f"ServiceAccount {item['metadata']['name']} hands out tokens"
    for pod in pods(objects):
        account = pod.spec.get("serviceAccountName")
        if account not in names(objects, "ServiceAccount"):
            yield f"{pod.name}: there is no ServiceAccount {account}"
        if pod.spec.get("automountServiceAccountToken") is not (account in bound):
            yield f"{pod.name}: a token is mounted where a role is bound, and nowhere else"


@rule
def roles(objects: list[Object]) -> Iterator[str]:
    yield from (
        f"{item['kind']} {item['metadata']['name']}" for item in of_kind(objects, "ClusterRole", "ClusterRoleBinding")
    )
    for item in of_kind(objects, "Role"):
        for granted in item["rules"]:
            may = (granted["apiGroups"], granted["resources"], granted["verbs"], granted.get("resourceNames"))
            if may not in (
                (["batch"], ["jobs"], ["create"], None),
                (["batch"], ["cronjobs"], ["get"], ["churn-duck-retrain"]),
            ):
                yield f"Role {item['metadata']['name']} grants {granted}"
    for item in of_kind(objects, "RoleBinding"):
        if item["roleRef"]["kind"] != "Role" or item["roleRef"]["name"] not in names(objects, "Role"):
            yield f"RoleBinding {item['metadata']['name']}: there is no such Role"
        for subject in item["subjects"]:
            if subject["namespace"] != namespace(objects) or subject["name"] not in names(objects, "ServiceAccount"):
                yield f"RoleBinding {item['metadata']['name']}: there is no {subject['name']} in {subject['namespace']}"


@rule
def hook(objects: list[Object]) -> Iterator[str]:
    """Whoever has a role has all that the hook needs, and whoever has the hook has the role."""
    allowed = {
        name
        for item in of_kind(objects, "Role")
        for granted in item["rules"]
        for name in granted.get("resourceNames", [])
    }
    for pod in pods(objects):
        for container in pod.containers:
            found = environment(container)
            wired = {"CHURN_DUCK_HOOK_TOKEN", "CHURN_DUCK_RETRAIN_CRONJOB", "CHURN_DUCK_NAMESPACE"} & found.keys()
            if (len(wired) == 3) is not bool(pod.spec.get("automountServiceAccountToken")) or len(wired) in (1, 2):
                yield f"{pod.name}: of the hook there is {sorted(wired)}"
            target = found.get("CHURN_DUCK_RETRAIN_CRONJOB", {}).get("value")
            if target and (target not in allowed or target not in names(objects, "CronJob")):
                yield f"{pod.name}: the hook may not read CronJob {target}"
            place = found.get("CHURN_DUCK_NAMESPACE")
            if place and place.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath") != "metadata.namespace":
                yield f"{pod.name}: CHURN_DUCK_NAMESPACE must come from the pod"


# what runs


@cache
def _group() -> Any:
    return typer.main.get_command(app)


def parse(words: list[str]) -> str:
    """The command of a call of churn-duck; a usage error raises."""
    group = _group()
    outer = group.make_context("churn-duck", words[:1])
    group.commands[words[0]].make_context(words[0], words[1:], parent=outer)
    return words[0]


@rule
def commands(objects: list[Object]) -> Iterator[str]:
    for pod in pods(objects):
        for container in pod.containers:
            if "command" in container:
                if pod.owner["metadata"]["name"] != "churn-duck-shell":
                    yield f"{pod.name} does not run churn-duck"
                continue
            try:
                command = parse(container.get("args", []))
            except (main.UsageError, KeyError, IndexError) as error:
                yield f"{pod.name}: churn-duck does not take {container.get('args')}: {error}"
                continue
            if command.startswith("demo") and namespace(objects) != DEMO:
                yield f"{pod.name}: {command} belongs into the demo only"


@rule
def steps_of_the_loop(objects: list[Object]) -> Iterator[str]:
    ran = {pod.name: pod.containers[0].get("args") for pod in pods(objects)}
    wanted = {
        "Job churn-duck-seed": ["demo"] if namespace(objects) == DEMO else ["run"],
        "CronJob churn-duck-daily": ["daily"],
        "CronJob churn-duck-retrain": ["retrain", "--reason", "schedule", "--if-new"],
        "CronJob churn-duck-drift": ["drift", "--retrain"],
    }
    yield from (f"{name} runs {ran.get(name)}" for name, args in wanted.items() if ran.get(name) != args)


@rule
def probes(objects: list[Object]) -> Iterator[str]:
    paths = {"startupProbe": "/live", "livenessProbe": "/live", "readinessProbe": "/ready"}
    for pod in pods(objects):
        for container in pod.containers if pod.job is None else []:
            ports = {port["name"] for port in container.get("ports", [])}
            for probe, path in paths.items():
                asked = container.get(probe, {}).get("httpGet", {})
                if asked.get("path") != path or asked.get("port") not in ports:
                    yield f"{pod.name}: {probe} asks {asked or 'nothing'}"
