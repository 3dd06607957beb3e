"""Alerts start a retraining once a cooldown: a process here, a Job in a cluster, and nothing for anybody else."""

from __future__ import annotations

import copy
import json
import shutil
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from churn_duck_cli import main, options, serving
from fastapi.testclient import TestClient

from churn_duck.errors import ConfigError
from churn_duck.serving.app import create_app
from churn_duck.serving.hook.kubernetes_job import JobStarter, job_starter
from churn_duck.serving.hook.local_process import ProcessStarter
from churn_duck.serving.hook.routes import Hook
from churn_duck.serving.hook.starter import Started, Starter, StartFailed
from churn_duck.serving.publish import publish
from churn_duck.settings.config import Settings
from churn_duck.warehouse.store import Warehouse, connected, open_warehouse, working

DAY = timedelta(days=1)
BEARER = {"Authorization": "Bearer hush"}
NAMES = ("ChurnDataDrift", "ChurnRealisedLoss")
OPENSSL = shutil.which("openssl")


def alert(name: str = "ChurnDataDrift", status: str = "firing", **more: object) -> dict[str, Any]:
    """As Alertmanager sends it."""
    return {
        "status": status,
        "labels": {"alertname": name, "severity": "critical"},
        "annotations": {"summary": "The users of the day are unlike those before"},
        "startsAt": "2026-01-05T04:12:30.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph?g0.expr=churn_drift_status",
        "fingerprint": "9d5b0d4e7c1c2f3a",
        **more,
    }


def message(*alerts: dict[str, Any], **more: object) -> dict[str, Any]:
    return {
        "version": "4",
        "groupKey": '{}:{alertname="ChurnDataDrift"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "churn-duck",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "alerts": list(alerts),
        **more,
    }


class Counting:
    """A starter that only counts."""

    def __init__(self, fails: bool = False) -> None:
        self.calls, self.fails = 0, fails
        self.told: list[list[str]] = []

    def start(self, alerts: Sequence[str]) -> Started:
        self.calls += 1
        self.told.append(list(alerts))
        if self.fails:
            raise StartFailed("no more room")
        return Started("one", self.calls == 1, "told")


def calling(tmp_path: Path, starter: Starter) -> TestClient:
    return TestClient(create_app(open_warehouse(Settings(), tmp_path), "other", Hook("hush", NAMES, starter)))


def post(client: TestClient, content: object, headers: dict[str, str] | None = None) -> Any:
    return client.post("/hooks/alertmanager", json=content, headers=BEARER if headers is None else headers)


def test_an_alert_that_fires_starts_once_and_names_who_asked(tmp_path: Path) -> None:
    starter = Counting()
    client = calling(tmp_path, starter)
    first = post(client, message(alert(), alert("Watchdog"), alert()))
    assert (first.status_code, first.json()) == (
        202,
        {"done": "started", "message": "told", "alerts": ["ChurnDataDrift"]},
    )
    again = post(client, message(alert()))
    assert (again.status_code, again.json()["done"]) == (200, "nothing")
    assert starter.told == [["ChurnDataDrift"], ["ChurnDataDrift"]]


@pytest.mark.parametrize(
    "content",
    [
        message(),
        message(alert(status="resolved"), status="resolved"),
        message(alert("Watchdog")),
        message(alert(labels={})),
        message(alert(status="resolved"), alert("Watchdog")),
    ],
)
def test_what_is_resolved_or_not_on_the_list_starts_nothing(tmp_path: Path, content: dict[str, Any]) -> None:
    starter = Counting()
    answer = post(calling(tmp_path, starter), content)
    assert (answer.status_code, answer.json()["done"], starter.calls) == (200, "nothing", 0)
    assert "none of these alerts is firing: ChurnDataDrift" in answer.json()["message"]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ([], ["body"]),
        (message(version="5"), ["body", "version"]),
        (message(alerts="x"), ["body", "alerts"]),
        (message(alert(status="odd")), ["body", "alerts", 0, "status"]),
        (message(alert(startsAt="2026-01-05")), ["body", "alerts", 0, "startsAt"]),
        (message(alert(labels={"alertname": 1})), ["body", "alerts", 0, "labels", "alertname"]),
        (message(*[alert()] * 1001), ["body", "alerts"]),
    ],
)
def test_what_is_no_message_is_refused_by_place(tmp_path: Path, content: object, place: list[Any]) -> None:
    starter = Counting()
    answer = post(calling(tmp_path, starter), content)
    assert (answer.status_code, starter.calls) == (422, 0)
    assert place in [one["loc"] for one in answer.json()["detail"]]


def test_more_bytes_than_a_message_has_are_too_much(tmp_path: Path) -> None:
    answer = calling(tmp_path, Counting()).post("/hooks/alertmanager", content=b" " * 1_000_001, headers=BEARER)
    assert answer.status_code == 413


def test_only_the_hooks_own_token_is_taken_and_without_one_there_is_no_hook(tmp_path: Path) -> None:
    starter = Counting()
    client = calling(tmp_path, starter)
    for given in ({}, {"Authorization": "Bearer other"}, {"Authorization": "Basic hush"}):
        answer = post(client, message(alert()), given)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert client.get("/at-risk", headers=BEARER).status_code == 401
    assert starter.calls == 0
    none = TestClient(create_app(open_warehouse(Settings(), tmp_path)))
    assert post(none, message(alert())).status_code == 404


def test_what_could_not_start_is_a_fault_of_ours(tmp_path: Path) -> None:
    answer = post(calling(tmp_path, Counting(fails=True)), message(alert()))
    assert (answer.status_code, answer.json()) == (502, {"detail": "no more room"})


def test_nothing_is_learned_from_an_outage(own: Warehouse) -> None:
    with working(own, "test") as con:
        (day,) = con.execute("select as_of_date from period").fetchall()[0]
        (model,) = con.execute("select model_version from production").fetchall()[0]
        con.execute(
            "insert into drift_reports values (?, ?, 'silent_days', 'freshness', 'FAIL', null, null, 'silent', now())",
            [day, model],
        )
        publish(con, own)
    starter = Counting()
    with TestClient(create_app(own, None, Hook("hush", NAMES, starter))) as client:
        answer = post(client, message(alert()))
    assert (answer.status_code, answer.json()["done"], starter.calls) == (200, "nothing", 0)
    assert answer.json()["message"] == "not retraining, data checks failed: silent_days"


def waited_for(path: Path, text: str) -> str:
    deadline = time.monotonic() + 60
    while text not in (said := path.read_text() if path.exists() else "") and time.monotonic() < deadline:
        time.sleep(0.02)
    return said


def test_a_process_is_started_once_a_cooldown_and_never_beside_another(tmp_path: Path) -> None:
    script = (
        "import pathlib, time\nprint('begun', flush=True)\n"
        f"while not pathlib.Path({str(tmp_path / 'end')!r}).exists(): time.sleep(.02)\nprint('ended', flush=True)"
    )
    command = [sys.executable, "-c", script]
    starter = ProcessStarter(command, tmp_path, DAY)
    first = starter.start(NAMES)
    assert first.is_new
    waited_for(tmp_path / first.name, "begun")
    # not even by an API that has forgotten the first, and whose cooldown is over
    hasty = ProcessStarter(command, tmp_path, timedelta(0))
    assert (hasty.start(NAMES).is_new, hasty.start(NAMES).message) == (False, "a retraining is already running")
    (tmp_path / "end").touch()
    waited_for(tmp_path / first.name, "ended")
    later = _after(starter)
    assert (later.is_new, later.name) == (False, first.name)
    assert "within the cooldown" in later.message


def _after(starter: ProcessStarter) -> Started:
    """What it says once the process has let its lock go."""
    deadline = time.monotonic() + 30
    while (told := starter.start(NAMES)).message == "a retraining is already running" and time.monotonic() < deadline:
        time.sleep(0.02)
    return told


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="cannot start /no/such"):
        ProcessStarter(["/no/such"], tmp_path, DAY).start(NAMES)


def test_the_process_knows_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHURN_DUCK_TOKEN", "s3cret")
    monkeypatch.setenv("CHURN_DUCK_HOOK_TOKEN", "hush")
    command = [sys.executable, "-c", "import os; print(sorted(os.environ), 'done')"]
    started = ProcessStarter(command, tmp_path, DAY).start(NAMES)
    assert "CHURN_DUCK" not in waited_for(tmp_path / started.name, "done")


@pytest.mark.whole
def test_an_alert_really_retrains_a_real_warehouse(own: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHURN_DUCK_HOOK_TOKEN", "hush")
    hook = serving.hook_from_environment(options.Common(own.settings, own, False), None)
    with TestClient(create_app(own, None, hook)) as client:
        answer = post(client, message(alert("ChurnRealisedLoss")))
        assert answer.status_code == 202, answer.json()
    (log,) = own.reports.glob("retrain_alert_*.log")
    # both models have learned from this data: the command says so and keeps that
    assert "error:" in waited_for(log, "error:")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with connected(own) as con:
            if rows := con.execute("select reasons, message, outcome from retrainings").fetchall():
                break
    assert rows == [(["alert"], "alert: ChurnRealisedLoss", "no_new_data")]


class Kubernetes(HTTPServer):
    """As much of the Kubernetes API as the hook may use; it keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.asked: list[tuple[str, str, str | None, Any]] = []
        self.jobs: dict[str, Any] = {}
        self.cronjob: Any = copy.deepcopy(CRONJOB)
        # by its own clock; what has ended is deleted once its time is over
        self.now, self.ended = 0.0, dict[str, float]()
        self.refuses: int | None = None


MANIFEST = Path(__file__).parents[2] / "k8s" / "base" / "retrain.yaml"
ARGS = yaml.safe_load(MANIFEST.read_text())["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"]
CRONJOB = {
    "metadata": {"name": "churn-duck-retrain", "uid": "3f6c-77", "resourceVersion": "12"},
    "spec": {
        "schedule": "0 3 * * 0",
        "jobTemplate": {
            "metadata": {"labels": {"app.kubernetes.io/component": "retrain"}, "annotations": {"team": "growth"}},
            "spec": {
                "activeDeadlineSeconds": 7200,
                "ttlSecondsAfterFinished": 604800,
                "template": {"spec": {"containers": [{"name": "proxy"}, {"name": "churn-duck", "args": ARGS}]}},
            },
        },
    },
}


class Asked(BaseHTTPRequestHandler):
    server: Kubernetes

    def do_GET(self) -> None:
        self._keep(None)
        name = self.server.cronjob["metadata"]["name"]
        there = self.path == f"/apis/batch/v1/namespaces/ducks/cronjobs/{name}"
        self._answer(
            *((200, self.server.cronjob) if there else (404, {"kind": "Status", "message": "no such CronJob"}))
        )

    def do_POST(self) -> None:
        job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._keep(job)
        name = job["metadata"]["name"]
        self._collect()
        known = name in self.server.jobs
        self.server.jobs.setdefault(name, job)
        self._answer(*((409, {"reason": "AlreadyExists", "message": "exists"}) if known else (201, job)))

    def _collect(self) -> None:
        for name, ended in list(self.server.ended.items()):
            if self.server.now >= ended + self.server.jobs[name]["spec"]["ttlSecondsAfterFinished"]:
                del self.server.jobs[name], self.server.ended[name]

    def _keep(self, content: Any) -> None:
        self.server.asked.append((self.command, self.path, self.headers["Authorization"], content))

    def _answer(self, status: int, content: object) -> None:
        if self.server.refuses:
            status, content = self.server.refuses, {"kind": "Status", "message": "jobs is forbidden"}
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def kubernetes() -> Iterator[Kubernetes]:
    server = Kubernetes()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def account(tmp_path: Path) -> Path:
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "token").write_text("pod-token\n")
    (folder / "namespace").write_text("ducks")
    return folder


def in_cluster(kubernetes: Kubernetes, account: Path, cronjob: str = "churn-duck-retrain") -> JobStarter:
    return JobStarter(f"http://127.0.0.1:{kubernetes.server_port}", "ducks", cronjob, DAY, account)


def test_in_a_cluster_the_cronjobs_template_becomes_a_job(
    tmp_path: Path, kubernetes: Kubernetes, account: Path
) -> None:
    client = calling(tmp_path / "warehouse", in_cluster(kubernetes, account))
    answer = post(client, message(alert()))
    assert answer.status_code == 202
    jobs = "/apis/batch/v1/namespaces/ducks"
    asked = [(method, path, shown) for method, path, shown, _ in kubernetes.asked]
    assert asked == [
        ("GET", f"{jobs}/cronjobs/churn-duck-retrain", "Bearer pod-token"),
        ("POST", f"{jobs}/jobs", "Bearer pod-token"),
    ]
    assert kubernetes.asked[1][3] == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": "churn-duck-retrain-alert",
            "namespace": "ducks",
            "labels": {"app.kubernetes.io/component": "retrain"},
            "annotations": {"team": "growth", "cronjob.kubernetes.io/instantiate": "manual"},
            "ownerReferences": [
                # not as its controller, whose history limits would delete it within the cooldown
                {"apiVersion": "batch/v1", "kind": "CronJob", "name": "churn-duck-retrain", "uid": "3f6c-77"}
            ],
        },
        "spec": {
            "activeDeadlineSeconds": 7200,
            "ttlSecondsAfterFinished": 86400,
            "template": {
                "spec": {
                    "containers": [
                        {"name": "proxy"},
                        {
                            "name": "churn-duck",
                            "args": [*ARGS, "--reason", "alert", "--message", "alert: ChurnDataDrift"],
                        },
                    ]
                }
            },
        },
    }
    # the volume is read-only there
    assert not (tmp_path / "warehouse").exists()


def test_the_run_of_the_job_keeps_which_alert_asked_for_it_and_not_the_cronjobs_reason(
    own: Warehouse, kubernetes: Kubernetes, account: Path
) -> None:
    asking = message(alert("ChurnRealisedLoss"), alert(), alert("Watchdog"))
    assert post(calling(own.root, in_cluster(kubernetes, account)), asking).status_code == 202
    (made,) = kubernetes.jobs.values()
    # nothing new has landed, and the reason is kept all the same
    assert (
        main._exit_code(["--warehouse", str(own.root), *made["spec"]["template"]["spec"]["containers"][1]["args"]]) == 0
    )
    with connected(own) as con:
        rows = con.execute("select reasons, message from retrainings").fetchall()
    assert rows == [(["alert"], "alert: ChurnDataDrift, ChurnRealisedLoss")]


def test_a_cronjob_that_does_not_retrain_is_not_copied(kubernetes: Kubernetes, account: Path) -> None:
    kubernetes.cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][1]["args"] = ["daily"]
    with pytest.raises(StartFailed, match="no container of the CronJob churn-duck-retrain has retrain in its args"):
        in_cluster(kubernetes, account).start(NAMES)
    assert kubernetes.jobs == {}


def test_there_is_one_job_until_a_cooldown_after_its_end_however_it_ended(
    tmp_path: Path, kubernetes: Kubernetes, account: Path
) -> None:
    client = calling(tmp_path, in_cluster(kubernetes, account))

    def called(hour: float) -> int:
        kubernetes.now = hour * 3600
        return int(post(client, message(alert())).status_code)

    assert [called(hour) for hour in (0, 23.9, 24.1)] == [202, 200, 200]
    kubernetes.ended["churn-duck-retrain-alert"] = 25 * 3600
    assert [called(hour) for hour in (26, 48.9)] == [200, 200]
    assert post(client, message(alert())).json()["message"] == (
        "already started: the Job churn-duck-retrain-alert exists "
        "(it is running, or ended less than 1440 minutes ago); "
        "to allow another: kubectl delete job churn-duck-retrain-alert"
    )
    assert [called(hour) for hour in (49.1, 49.2)] == [202, 200]


def test_two_messages_at_once_make_one_job(kubernetes: Kubernetes, account: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        started = list(pool.map(in_cluster(kubernetes, account).start, [NAMES] * 8))
    assert sorted(one.is_new for one in started) == [False] * 7 + [True]


def test_the_longest_name_of_a_cronjob_makes_one_that_kubernetes_takes(kubernetes: Kubernetes, account: Path) -> None:
    # the API takes 52 characters for a CronJob, 63 for a Job
    longest = "r" * 52
    kubernetes.cronjob["metadata"]["name"] = longest
    assert len(in_cluster(kubernetes, account, longest).start(NAMES).name) <= 63


@pytest.mark.parametrize("status", [401, 403, 422, 500, 302])
def test_what_kubernetes_refuses_is_502_with_its_words(
    tmp_path: Path, kubernetes: Kubernetes, account: Path, status: int
) -> None:
    kubernetes.refuses = status
    answer = post(calling(tmp_path, in_cluster(kubernetes, account)), message(alert()))
    assert answer.status_code == 502
    assert answer.json()["detail"] == f"Kubernetes refused: {status}: jobs is forbidden"


def test_a_cronjob_that_is_not_there_or_an_api_that_does_not_answer_is_502(
    tmp_path: Path, kubernetes: Kubernetes, account: Path
) -> None:
    other = post(calling(tmp_path, in_cluster(kubernetes, account, "other")), message(alert()))
    assert (other.status_code, other.json()["detail"]) == (502, "Kubernetes refused: 404: no such CronJob")
    nobody = JobStarter("http://127.0.0.1:1", "ducks", "churn-duck-retrain", DAY, account)
    with pytest.raises(StartFailed, match="cannot reach Kubernetes: URLError"):
        nobody.start(NAMES)
    (account / "token").unlink()
    with pytest.raises(StartFailed, match="cannot reach Kubernetes: FileNotFoundError"):
        in_cluster(kubernetes, account).start(NAMES)


@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
def test_only_the_api_whose_certificate_the_account_trusts_sees_the_token(
    kubernetes: Kubernetes, account: Path, tmp_path: Path
) -> None:
    for name in ("right", "wrong"):
        words = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=k -addext subjectAltName=IP:127.0.0.1 -keyout {tmp_path}/{name}.key -out {tmp_path}/{name}.crt"  # noqa: E501
        subprocess.run([str(OPENSSL), *words.split()], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "right.crt", tmp_path / "right.key")
    kubernetes.socket = context.wrap_socket(kubernetes.socket, server_side=True)
    environment = {
        "CHURN_DUCK_RETRAIN_CRONJOB": "churn-duck-retrain",
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(kubernetes.server_port),
    }
    starter = job_starter(DAY, environment, account)
    assert starter is not None
    shutil.copy(tmp_path / "wrong.crt", account / "ca.crt")
    with pytest.raises(StartFailed, match="CERTIFICATE_VERIFY_FAILED"):
        starter.start(NAMES)
    assert kubernetes.asked == []
    shutil.copy(tmp_path / "right.crt", account / "ca.crt")
    assert starter.start(NAMES).is_new


def test_a_cronjob_is_only_for_pods(account: Path, tmp_path: Path) -> None:
    named = {"CHURN_DUCK_RETRAIN_CRONJOB": "r"}
    pod = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    assert job_starter(DAY, {}, account) is None
    with pytest.raises(ConfigError, match="not running in a pod"):
        job_starter(DAY, named, account)
    with pytest.raises(ConfigError, match="set CHURN_DUCK_NAMESPACE too"):
        job_starter(DAY, {**named, **pod}, tmp_path)
    made = job_starter(DAY, {**named, **pod, "CHURN_DUCK_NAMESPACE": "n"}, tmp_path)
    assert made == JobStarter("https://[fd00::1]:443", "n", "r", DAY, tmp_path)
