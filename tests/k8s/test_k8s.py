"""The manifests are what Kubernetes takes, hold to the policy, and the policy notices what does not."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from churn_duck import __version__
from churn_duck.serving.api.request_metrics import Traffic
from churn_duck.settings.config import Settings
from churn_duck.settings.load import load_settings
from churn_duck.warehouse.catalog import sql_files
from k8s import make_rules
from tests.k8s.objects import Object, cron_values, environment, named, names, of_kind, pods, quantity
from tests.k8s.policy import RULES, faults

ROOT = Path(__file__).parents[2] / "k8s"
OVERLAYS = sorted(path.name for path in (ROOT / "overlays").iterdir())
CUSTOM = ("ServiceMonitor", "PrometheusRule")
# the oldest that has podFailurePolicy and timeZone as stable fields, and the newest whose schemas are at hand
VERSIONS = ("1.31", "1.37")
PROMTOOL = shutil.which("promtool")
pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


@cache
def rendered(overlay: str) -> str:
    done = subprocess.run(
        ["kubectl", "kustomize", str(ROOT / "overlays" / overlay)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def objects(overlay: str) -> list[Object]:
    """Of an overlay, to change at will."""
    return copy.deepcopy(_parsed(overlay))


@cache
def _parsed(overlay: str) -> list[Object]:
    return [item for item in yaml.safe_load_all(rendered(overlay)) if item]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_holds_to_the_policy(overlay: str) -> None:
    assert faults(objects(overlay)) == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_agrees_with_the_schemas(overlay: str, version: str) -> None:
    import kubernetes_validate

    for item in objects(overlay):
        if item["kind"] not in CUSTOM:
            assert kubernetes_validate.validate(item, version, strict=True).startswith(version)


def test_the_schemas_are_strict() -> None:
    import kubernetes_validate

    job = named(objects("plain"), "Job", "churn-duck-seed")
    job["spec"]["backofLimit"] = 0
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(job, VERSIONS[-1], strict=True)


def test_the_overlays_are_those_that_are_described() -> None:
    assert OVERLAYS == ["demo", "plain", "prometheus"]
    text = (ROOT / "README.md").read_text()
    assert [name for name in OVERLAYS if f"`overlays/{name}`" not in text] == []


def test_monitoring_and_roles_come_with_the_prometheus_overlay_only() -> None:
    kinds = {overlay: {item["kind"] for item in objects(overlay)} for overlay in OVERLAYS}
    extra = {"ServiceMonitor", "PrometheusRule", "Role", "RoleBinding"}
    assert kinds["prometheus"] - kinds["plain"] == extra
    assert not extra & (kinds["plain"] | kinds["demo"])


def test_the_drift_demo_is_in_the_demo_only_and_only_runs_by_hand() -> None:
    assert [overlay for overlay in OVERLAYS if "demo-drift" in rendered(overlay)] == ["demo"]
    assert named(objects("demo"), "CronJob", "churn-duck-demo-drift")["spec"]["suspend"] is True
    assert {item["metadata"]["namespace"] for item in objects("demo") if item["kind"] != "Namespace"} == {
        "churn-duck-demo"
    }


@pytest.mark.parametrize("name", ["base", "overlays/demo"])
def test_the_configuration_that_is_mounted_is_valid(name: str) -> None:
    settings = load_settings(ROOT / name / "churn_duck.yaml")
    assert settings.warehouse == "/data/warehouse"
    assert settings.engine.lock_wait_seconds >= 3600
    assert settings.sources.users.is_given is (name == "base")


def test_duckdb_leaves_memory_to_training_and_uses_the_cores_that_it_has() -> None:
    settings = load_settings(ROOT / "base" / "churn_duck.yaml").engine
    limits = next(pods([named(objects("plain"), "CronJob", "churn-duck-daily")])).containers[0]["resources"]["limits"]
    assert settings.memory_limit == "2GB"
    assert (quantity(limits["memory"]) or 0) / 2 > 2e9
    assert settings.threads == quantity(limits["cpu"])


# objects that only the operator's schemas know


def test_the_custom_resources_have_the_fields_of_the_operator() -> None:
    found = objects("prometheus")
    assert {item["apiVersion"] for item in of_kind(found, *CUSTOM)} == {"monitoring.coreos.com/v1"}
    (monitor,) = of_kind(found, "ServiceMonitor")
    assert monitor["spec"].keys() == {"selector", "endpoints"}
    for endpoint in monitor["spec"]["endpoints"]:
        assert endpoint.keys() <= {"port", "path", "interval", "scrapeTimeout"}
        assert endpoint["path"] == "/metrics"
    for item in of_kind(found, "PrometheusRule"):
        assert item["spec"].keys() == {"groups"}
        for group in item["spec"]["groups"]:
            assert group.keys() == {"name", "rules"}
            for rule in group["rules"]:
                assert (
                    {"alert", "expr", "labels", "annotations"}
                    <= rule.keys()
                    <= {"alert", "expr", "labels", "annotations", "for"}
                )
                assert re.fullmatch(r"\d+[smhd]", rule.get("for", "0s"))
                assert rule["annotations"].keys() == {"summary", "action"}
                assert rule["labels"].keys() == {"severity"}


def test_the_rules_in_the_overlay_are_those_that_are_tested() -> None:
    assert make_rules.TARGET.read_text() == make_rules.made(), "run: just k8s-rules"
    alerts = yaml.safe_load((ROOT.parent / "monitoring" / "alerts.yaml").read_text())
    assert named(objects("prometheus"), "PrometheusRule", "churn-duck")["spec"] == alerts


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_promtool_agrees_with_the_rules_of_the_cluster(tmp_path: Path) -> None:
    rules = named(objects("prometheus"), "PrometheusRule", "churn-duck-cluster")["spec"]
    (tmp_path / "cluster.yaml").write_text(yaml.safe_dump(rules))
    shutil.copy(Path(__file__).parent / "cluster_alerts_test.yaml", tmp_path)
    for words in ("check rules cluster.yaml", "test rules cluster_alerts_test.yaml"):
        done = subprocess.run(
            [str(PROMTOOL), *words.split()], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_explained_in_the_operators_guide() -> None:
    found = of_kind(objects("prometheus"), "PrometheusRule")
    alerts = {rule["alert"] for item in found for group in item["spec"]["groups"] for rule in group["rules"]}
    explained = re.findall(r"^\| `(Churn\w+)` \|", (ROOT.parent / "docs" / "operations.md").read_text(), re.MULTILINE)
    assert sorted(explained) == sorted(alerts)


def test_the_dashboard_reads_metrics_that_exist_and_no_two_panels_overlap() -> None:
    item = named(objects("prometheus"), "ConfigMap", "churn-duck-dashboard")
    assert item["metadata"]["labels"]["grafana_dashboard"] == "1"
    panels = json.loads(item["data"]["churn-duck.json"])["panels"]
    asked = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    texts = "".join(file.path.read_text() for file in sql_files() if file.name.endswith("_metrics"))
    of_api = {sample.name for family in Traffic().registry.collect() for sample in family.samples}
    of_api |= {"churn_api_requests_total", "churn_api_request_latency_seconds_bucket"}
    assert set(re.findall(r"\bchurn_\w+", " ".join(asked))) <= set(re.findall(r"'(churn_\w+)'", texts)) | of_api
    cells = [(x, y) for panel in panels for x, y in _cells(panel["gridPos"])]
    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in panels}) == len(panels)


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_promtool_reads_every_query_of_the_dashboard(tmp_path: Path) -> None:
    board = json.loads(named(objects("prometheus"), "ConfigMap", "churn-duck-dashboard")["data"]["churn-duck.json"])
    asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    asked += [item["expr"] for item in board["annotations"]["list"]]
    rules = [{"record": f"panel_{number}", "expr": expr} for number, expr in enumerate(asked)]
    (tmp_path / "queries.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run(
        [str(PROMTOOL), "check", "rules", str(tmp_path / "queries.yaml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _cells(place: dict[str, int]) -> list[tuple[int, int]]:
    return [(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])]


# the API's hook


def test_the_hook_may_make_jobs_and_read_the_one_cronjob_and_nothing_else() -> None:
    found = objects("prometheus")
    (role,) = of_kind(found, "Role")
    assert role["rules"] == [
        {"apiGroups": ["batch"], "resources": ["cronjobs"], "resourceNames": ["churn-duck-retrain"], "verbs": ["get"]},
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]},
    ]
    (binding,) = of_kind(found, "RoleBinding")
    assert [subject["name"] for subject in binding["subjects"]] == ["churn-duck-api"]
    accounts = {pod.spec["serviceAccountName"]: pod.spec["automountServiceAccountToken"] for pod in pods(found)}
    assert accounts == {"churn-duck-api": True, "churn-duck-jobs": False}


def test_the_api_learns_from_its_environment_what_the_hook_needs() -> None:
    found = environment(next(pods([named(objects("prometheus"), "Deployment", "churn-duck-api")])).containers[0])
    assert found["CHURN_DUCK_RETRAIN_CRONJOB"]["value"] == "churn-duck-retrain"
    assert found["CHURN_DUCK_NAMESPACE"]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.namespace"}}
    tokens = {name: found[name]["valueFrom"]["secretKeyRef"] for name in ("CHURN_DUCK_TOKEN", "CHURN_DUCK_HOOK_TOKEN")}
    assert tokens == {
        "CHURN_DUCK_TOKEN": {"name": "churn-duck-tokens", "key": "api-token"},
        "CHURN_DUCK_HOOK_TOKEN": {"name": "churn-duck-tokens", "key": "hook-token"},
    }


def test_the_route_for_alertmanager_reaches_the_service_and_names_alerts_that_exist() -> None:
    text = (ROOT.parent / "docs" / "operations.md").read_text()
    (block,) = [block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "receivers" in block]
    config = yaml.safe_load(block)
    (receiver,) = [item for item in config["receivers"] if item["name"] == "churn-duck-retrain"]
    assert receiver["webhook_configs"][0]["url"] == "http://churn-duck-api.churn-duck.svc:8000/hooks/alertmanager"
    route, everybody = config["route"]["routes"]
    assert route["receiver"] == receiver["name"]
    assert route["continue"] is True
    assert everybody == {"receiver": config["route"]["receiver"]}
    taken = Settings().serving.hook_alerts
    assert route["matchers"] == [f'alertname =~ "{"|".join(taken)}"']
    assert all(f"alert: {name}\n" in rendered("prometheus") for name in taken)
    assert "churn-duck-api" in names(objects("prometheus"), "Service")


# a week without anything new


def test_the_weekly_retraining_ends_well_where_nothing_is_new_and_every_code_that_remains_fails_at_once() -> None:
    for overlay in OVERLAYS:
        (pod,) = pods([named(objects(overlay), "CronJob", "churn-duck-retrain")])
        assert pod.containers[0]["args"] == ["retrain", "--reason", "schedule", "--if-new"]
        assert pod.job is not None
        assert pod.job["backoffLimit"] == 1
        first = pod.job["podFailurePolicy"]["rules"][0]
        assert (first["action"], first["onExitCodes"]["values"]) == ("FailJob", [1, 2, 3, 4, 5, 64])


# planted errors


def box(found: list[Object], kind: str = "CronJob", name: str = "churn-duck-daily") -> Object:
    return next(pods([named(found, kind, name)])).containers[0]


def job(found: list[Object], name: str = "churn-duck-daily") -> Object:
    content: Object = named(found, "CronJob", name)["spec"]["jobTemplate"]["spec"]
    return content


def cron(found: list[Object], name: str = "churn-duck-daily") -> Object:
    content: Object = named(found, "CronJob", name)["spec"]
    return content


def api(found: list[Object]) -> Object:
    content: Object = named(found, "Deployment", "churn-duck-api")["spec"]
    return content


def role(found: list[Object]) -> list[Any]:
    content: list[Any] = named(found, "Role", "churn-duck-retrain-hook")["rules"]
    return content


def policy(found: list[Object], name: str) -> Object:
    content: Object = named(found, "NetworkPolicy", name)["spec"]
    return content


def config(found: list[Object]) -> Object:
    (item,) = [item for item in of_kind(found, "ConfigMap") if item["metadata"]["name"].startswith("churn-duck-config")]
    return item


def without(content: Any, *keys: str) -> None:
    for key in keys:
        del content[key]


PLANTED: dict[str, tuple[str, Callable[[list[Object]], Any]]] = {
    "a schedule with an hour 25": ("cron_jobs", lambda o: cron(o).update(schedule="0 25 * * *")),
    "a schedule of four fields": ("cron_jobs", lambda o: cron(o).update(schedule="0 1 * *")),
    "a word for a schedule": ("cron_jobs", lambda o: cron(o).update(schedule="@dayly")),
    "overlapping runs": ("cron_jobs", lambda o: cron(o).update(concurrencyPolicy="Allow")),
    "no time zone": ("cron_jobs", lambda o: without(cron(o), "timeZone")),
    "no starting deadline": ("cron_jobs", lambda o: without(cron(o), "startingDeadlineSeconds")),
    "no history limits": ("cron_jobs", lambda o: without(cron(o), "failedJobsHistoryLimit")),
    "jobs kept for ever": ("cron_jobs", lambda o: without(job(o), "ttlSecondsAfterFinished")),
    "retraining in the middle of the daily job": (
        "turns",
        lambda o: cron(o, "churn-duck-retrain").update(schedule="30 2 * * 0"),
    ),
    "no deadline": ("jobs", lambda o: without(job(o), "activeDeadlineSeconds")),
    "drift tried again": ("jobs", lambda o: without(job(o), "podFailurePolicy")),
    "only other codes fail at once": (
        "jobs",
        lambda o: job(o)["podFailurePolicy"]["rules"][0]["onExitCodes"].update(values=[1, 3]),
    ),
    "six more tries": ("jobs", lambda o: without(job(o), "backoffLimit")),
    "restarts in place": ("jobs", lambda o: job(o)["template"]["spec"].update(restartPolicy="OnFailure")),
    "an underscore in a name": (
        "naming",
        lambda o: named(o, "Service", "churn-duck-api")["metadata"].update(name="churn_api"),
    ),
    "two of one name": ("naming", lambda o: o.append(copy.deepcopy(named(o, "Service", "churn-duck-api")))),
    "a label that is a number": (
        "label_values",
        lambda o: named(o, "Job", "churn-duck-seed")["metadata"]["labels"].update(a=1),
    ),
    "an object elsewhere": (
        "one_namespace",
        lambda o: named(o, "Service", "churn-duck-api")["metadata"].update(namespace="default"),
    ),
    "pods not restricted": (
        "one_namespace",
        lambda o: o[0]["metadata"]["labels"].update({"pod-security.kubernetes.io/enforce": "baseline"}),
    ),
    "another image": ("one_image", lambda o: box(o).update(image="churn-duck:0.2.0")),
    "the latest image": (
        "one_image",
        lambda o: [b.update(image="churn-duck:latest") for p in pods(o) for b in p.containers],
    ),
    "a pull policy that does not exist": ("enumerations", lambda o: box(o).update(imagePullPolicy="Sometimes")),
    "a protocol that does not exist": (
        "enumerations",
        lambda o: policy(o, "dns")["egress"][0]["ports"][0].update(protocol="UPD"),
    ),
    "a mount without its volume": ("volumes_and_mounts", lambda o: box(o)["volumeMounts"][0].update(name="date")),
    "a volume that nobody mounts": ("volumes_and_mounts", lambda o: box(o)["volumeMounts"].pop()),
    "a claim that is not there": (
        "volumes_and_mounts",
        lambda o: named(o, "PersistentVolumeClaim", "churn-duck-data")["metadata"].update(name="other"),
    ),
    "a misspelt setting": ("configuration", lambda o: config(o)["data"].update({"churn_duck.yaml": "warehaus: /data"})),
    "a warehouse beside the volume": (
        "configuration",
        lambda o: config(o)["data"].update({"churn_duck.yaml": "warehouse: /tmp/w"}),
    ),
    "a configuration of another name": (
        "configuration",
        lambda o: config(o)["data"].update({"other.yaml": config(o)["data"].pop("churn_duck.yaml")}),
    ),
    "a key that the Secret has not": (
        "references",
        lambda o: environment(box(o, "Deployment", "churn-duck-api"))["CHURN_DUCK_TOKEN"]["valueFrom"][
            "secretKeyRef"
        ].update(key="token"),
    ),
    "a token in the open": (
        "references",
        lambda o: box(o)["env"].append({"name": "CHURN_DUCK_TOKEN", "value": "secret"}),
    ),
    "a job on any node": ("one_node", lambda o: without(job(o)["template"]["spec"], "affinity")),
    "an API that may write": (
        "one_node",
        lambda o: [mount.pop("readOnly", None) for mount in box(o, "Deployment", "churn-duck-api")["volumeMounts"]],
    ),
    "a selector that selects nothing": (
        "selectors",
        lambda o: api(o)["template"]["metadata"]["labels"].update({"app.kubernetes.io/component": "web"}),
    ),
    "a Service that takes in jobs": (
        "selectors",
        lambda o: named(o, "Service", "churn-duck-api")["spec"]["selector"].pop("app.kubernetes.io/component"),
    ),
    "a port of another name": (
        "selectors",
        lambda o: named(o, "Service", "churn-duck-api")["spec"]["ports"][0].update(targetPort="web"),
    ),
    "a budget that blocks": (
        "selectors",
        lambda o: named(o, "PodDisruptionBudget", "churn-duck-api")["spec"].update(minAvailable=1),
    ),
    "a budget for nobody": (
        "selectors",
        lambda o: named(o, "PodDisruptionBudget", "churn-duck-api")["spec"]["selector"]["matchLabels"].update(a="b"),
    ),
    "a monitor of nothing": (
        "selectors",
        lambda o: named(o, "ServiceMonitor", "churn-duck-api")["spec"]["endpoints"][0].update(port="metrics"),
    ),
    "no default": ("network", lambda o: o.remove(named(o, "NetworkPolicy", "default-deny"))),
    "a network policy for nobody": (
        "network",
        lambda o: policy(o, "job-sources")["podSelector"]["matchLabels"].update({"churn-duck/role": "jobs"}),
    ),
    "no names": ("network", lambda o: o.remove(named(o, "NetworkPolicy", "dns"))),
    "the wrong port": (
        "network",
        lambda o: [
            port.update(port=80)
            for name in ("api-clients", "api-monitoring")
            for port in policy(o, name)["ingress"][0]["ports"]
        ],
    ),
    "a hook that reaches nothing": ("network", lambda o: o.remove(named(o, "NetworkPolicy", "api-to-kubernetes"))),
    "a limit below the request": ("resources", lambda o: box(o)["resources"]["limits"].update(memory="1Gi")),
    "gigabytes misspelt": ("resources", lambda o: box(o)["resources"]["limits"].update(memory="4GB")),
    "no limits": ("resources", lambda o: without(box(o)["resources"], "limits")),
    "scratch space without end": (
        "resources",
        lambda o: [v["emptyDir"].clear() for v in job(o)["template"]["spec"]["volumes"] if "emptyDir" in v],
    ),
    "root": ("restricted_pods", lambda o: job(o)["template"]["spec"]["securityContext"].update(runAsUser=0)),
    "a writable root": ("restricted_pods", lambda o: without(box(o)["securityContext"], "readOnlyRootFilesystem")),
    "capabilities": (
        "restricted_pods",
        lambda o: box(o)["securityContext"].update(capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]}),
    ),
    "a privileged container": ("restricted_pods", lambda o: box(o)["securityContext"].update(privileged=True)),
    "no seccomp": (
        "restricted_pods",
        lambda o: without(job(o)["template"]["spec"]["securityContext"], "seccompProfile"),
    ),
    "the host's network": ("restricted_pods", lambda o: job(o)["template"]["spec"].update(hostNetwork=True)),
    "a folder of the host": (
        "restricted_pods",
        lambda o: job(o)["template"]["spec"]["volumes"].append({"name": "data", "hostPath": {"path": "/"}}),
    ),
    "a token for a job": (
        "service_accounts",
        lambda o: job(o)["template"]["spec"].update(automountServiceAccountToken=True),
    ),
    "an account that hands out tokens": (
        "service_accounts",
        lambda o: without(named(o, "ServiceAccount", "churn-duck-jobs"), "automountServiceAccountToken"),
    ),
    "an account that is not there": (
        "service_accounts",
        lambda o: job(o)["template"]["spec"].update(serviceAccountName="default"),
    ),
    "a role that may delete": ("roles", lambda o: role(o)[1]["verbs"].append("delete")),
    "a role that may read all CronJobs": ("roles", lambda o: without(role(o)[0], "resourceNames")),
    "a role that may read Secrets": (
        "roles",
        lambda o: role(o).append({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}),
    ),
    "a role for somebody else": (
        "roles",
        lambda o: named(o, "RoleBinding", "churn-duck-retrain-hook")["subjects"][0].update(name="default"),
    ),
    "a role for the whole cluster": (
        "roles",
        lambda o: o.append({**copy.deepcopy(named(o, "Role", "churn-duck-retrain-hook")), "kind": "ClusterRole"}),
    ),
    "a hook for another CronJob": (
        "hook",
        lambda o: environment(box(o, "Deployment", "churn-duck-api"))["CHURN_DUCK_RETRAIN_CRONJOB"].update(
            value="churn-duck-daily"
        ),
    ),
    "a hook without its token": (
        "hook",
        lambda o: [
            b["env"].remove(environment(b)["CHURN_DUCK_HOOK_TOKEN"]) for b in [box(o, "Deployment", "churn-duck-api")]
        ],
    ),
    "a command that does not exist": ("commands", lambda o: box(o).update(args=["dayly"])),
    "an option that does not exist": (
        "commands",
        lambda o: box(o, name="churn-duck-drift").update(args=["drift", "--retrian"]),
    ),
    "the drift demo on live data": ("commands", lambda o: box(o, name="churn-duck-drift").update(args=["demo-drift"])),
    "another program": ("commands", lambda o: box(o).update(command=["sh", "-c", "churn-duck daily"])),
    "a reason that nobody gave": (
        "steps_of_the_loop",
        lambda o: box(o, name="churn-duck-retrain").update(args=["retrain"]),
    ),
    "a week without anything new that fails": (
        "steps_of_the_loop",
        lambda o: box(o, name="churn-duck-retrain")["args"].remove("--if-new"),
    ),
    "no probe": ("probes", lambda o: without(box(o, "Deployment", "churn-duck-api"), "readinessProbe")),
    "a probe of a page that is guarded": (
        "probes",
        lambda o: box(o, "Deployment", "churn-duck-api")["livenessProbe"]["httpGet"].update(path="/docs"),
    ),
}


@pytest.mark.parametrize("what", PLANTED)
def test_the_policy_notices(what: str) -> None:
    rule, plant = PLANTED[what]
    found = objects("prometheus")
    plant(found)
    assert rule in {said.split(":")[0] for said in faults(found)}


def test_every_rule_notices_something() -> None:
    assert {rule for rule, _ in PLANTED.values()} == {check.__name__ for check in RULES}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 3 * * 0", [{0}, {3}, set(range(1, 32)), set(range(1, 13)), {0}]),
        ("*/20 1-3 1,15 * 1-5", [{0, 20, 40}, {1, 2, 3}, {1, 15}, set(range(1, 13)), {1, 2, 3, 4, 5}]),
    ],
)
def test_schedules_are_read(text: str, expected: list[set[int]]) -> None:
    assert cron_values(text) == expected


def test_what_the_guide_calls_by_name_is_there() -> None:
    text = (ROOT.parent / "docs" / "operations.md").read_text() + (ROOT / "README.md").read_text()
    found = [item for overlay in OVERLAYS for item in objects(overlay)]
    # made by hand, and by the hook
    own = {"shell", "today", "after-upgrade", "churn-duck-retrain-alert"}
    for kind, pattern in {
        "CronJob": r"cronjob/([\w-]+)",
        "Job": r"job/([\w-]+)",
        "Deployment": r"deployment/([\w-]+)",
    }.items():
        assert set(re.findall(rf"(?<![\w-]){pattern}", text)) - own <= names(found, kind)
    assert all(
        f"`{name}`" in text for kind in ("CronJob", "Job", "Deployment") for name in names(objects("prometheus"), kind)
    )


def test_the_times_in_the_readme_are_those_of_the_schedules() -> None:
    text = (ROOT / "README.md").read_text()
    for name, shown in {
        "daily": "every night, 01:00",
        "retrain": "Sunday, 03:00",
        "drift": "every morning, 05:15",
    }.items():
        minutes, hours, *_, weekdays = cron_values(cron(objects("plain"), f"churn-duck-{name}")["schedule"])
        assert f"| {shown} | CronJob `churn-duck-{name}` |" in text
        assert shown.endswith(f"{max(hours):02}:{max(minutes):02}")
        assert shown.startswith("Sunday") is (weekdays == {0})


def test_what_the_image_says_of_itself() -> None:
    text = (ROOT.parent / "Dockerfile").read_text()
    assert re.search(r"^ARG PYTHON_IMAGE=\S+@sha256:[0-9a-f]{64}$", text, re.MULTILINE)
    assert "USER 10001:10001" in text
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"${PYTHON_IMAGE}"}
    assert 'ENTRYPOINT ["churn-duck"]' in text


def test_the_image_that_runs_is_of_this_version() -> None:
    content = yaml.safe_load((ROOT / "components" / "pods" / "kustomization.yaml").read_text())
    assert [image["newTag"] for image in content["images"]] == [__version__]
    elsewhere = [path for path in ROOT.rglob("*.yaml") if "newTag" in path.read_text()]
    assert elsewhere == [ROOT / "components" / "pods" / "kustomization.yaml"]


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    done = subprocess.run(["hadolint", str(ROOT.parent / "Dockerfile")], capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert done.returncode == 0
