"""The API while snapshots are published: no 5xx, no answer of two snapshots, and how long answers take."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

from churn_duck.jobs.run import run
from churn_duck.model.registry import require_production, rollback, versions
from churn_duck.progress import no_progress
from churn_duck.serving.api.requests import asked
from churn_duck.serving.publish import publish
from churn_duck.settings.config import Settings
from churn_duck.warehouse.store import Warehouse, connected, open_warehouse, opened_snapshot, working

CHURN_DUCK = Path(sys.executable).with_name("churn-duck")
MANY_EVERY = 10
Risks = dict[str, dict[int, float]]


@dataclass
class Seen:
    """What one client met: seconds by question, faults, and answers that do not belong together."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    faults: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    snapshots: list[str] = field(default_factory=list)


def change_and_publish(warehouse: Warehouse, stop: Any, published: Any) -> None:
    """Again and again: the other model becomes production and is published, then the whole main job runs, as daily."""
    while not stop.is_set():
        with working(warehouse, "benchmark") as con:
            now = require_production(con, warehouse).model_version
            other = next(one.model_version for one in versions(con, warehouse) if one.model_version != now)
            rollback(con, warehouse, other)
            publish(con, warehouse)
            # validates, builds, asks the gate, scores and publishes; there is nothing new to learn
            run(con, warehouse, None, None, no_progress)
            published.value += 2


def truth(warehouse: Warehouse) -> tuple[list[dict[str, Any]], Risks]:
    """Every scored user's features, and the risk of each by every model."""
    with opened_snapshot(warehouse.published / "current.duckdb") as con:
        rows = con.sql("select * exclude (as_of_date) from scored_features order by user_id").pl().to_dicts()
    with connected(warehouse) as con:
        models = [one.scoring_model() for one in versions(con, warehouse)]
    body, risks = json.dumps(rows).encode(), {}
    for model in models:
        users = asked(body, model.schema, len(rows))
        risks[model.version] = dict(zip(users.ids, model.risk(users.features).tolist(), strict=True))
    return rows, risks  # type: ignore[return-value]


def client(port: int, until: float, number: int, rows: list[dict[str, Any]], risks: Risks, seen: Seen) -> None:
    """Ask one question after the other, and hold every answer against what its model says."""
    one, many = json.dumps(rows[number]), json.dumps((rows * (1 + 1000 // len(rows)))[:1000])
    questions = {
        "/predict, 1 user": ("POST", "/predict", one),
        "/users/ID": ("GET", f"/users/{rows[number]['user_id']}", None),
        "/at-risk, 50 users": ("GET", "/at-risk?limit=50", None),
        "/predict, 1,000 users": ("POST", "/predict", many),
    }
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    rounds = 0
    while time.monotonic() < until:
        rounds += 1
        for name, question in questions.items():
            # many at once is the seldom case
            if name.endswith("1,000 users") and rounds % MANY_EVERY:
                continue
            started = time.perf_counter()
            try:
                connection.request(*question)
                answer = connection.getresponse()
                body = answer.read()
            except OSError as error:
                seen.faults.append(f"{name}: {error}")
                connection.close()
                continue
            seen.seconds[name].append(time.perf_counter() - started)
            if answer.status != 200:
                seen.faults.append(f"{name}: {answer.status} {body[:200]!r}")
            else:
                check(name, json.loads(body), risks, seen)


def check(name: str, answer: dict[str, Any], risks: Risks, seen: Seen) -> None:
    """Note an answer whose risks are not those of the model that it names, or that is older than the one before."""
    own = risks[answer["model_version"]]
    told = answer.get("predictions") or answer.get("users") or [answer]
    if any(abs(own[user["user_id"]] - user["churn_risk"]) > 1e-9 for user in told):
        seen.mixed.append(f"{name}: other risks than those of {answer['model_version']}")
    if "history" in answer and answer["history"][0]["model_version"] != answer["model_version"]:
        seen.mixed.append(f"{name}: the history is of another model")
    if seen.snapshots and answer["snapshot_id"] < seen.snapshots[-1]:
        seen.mixed.append(f"{name}: {answer['snapshot_id']} after {seen.snapshots[-1]}")
    seen.snapshots.append(answer["snapshot_id"])


def served(warehouse: Warehouse, port: int) -> subprocess.Popen[bytes]:
    """A real server, once it is ready."""
    server = subprocess.Popen([CHURN_DUCK, "--warehouse", str(warehouse.root), "serve", "--port", str(port)])
    for _ in range(300):
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/ready")
            if connection.getresponse().status == 200:
                return server
        except OSError:
            pass
        time.sleep(0.2)
    server.kill()
    sys.exit("the server did not become ready")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def together(port: int, clients: int, seconds: float, rows: list[dict[str, Any]], risks: Risks) -> Seen:
    """What all clients met in that time."""
    until, all_seen = time.monotonic() + seconds, [Seen() for _ in range(clients)]
    threads = [
        threading.Thread(target=client, args=(port, until, number, rows, risks, seen))
        for number, seen in enumerate(all_seen)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = Seen()
    for seen in all_seen:
        for name, values in seen.seconds.items():
            total.seconds[name] += values
        total.faults += seen.faults
        total.mixed += seen.mixed
        total.snapshots += seen.snapshots
    return total


def progress(title: str, seen: Seen, seconds: float) -> None:
    """A table as docs/benchmarks.md has it."""
    print(f"\n{title}: {sum(map(len, seen.seconds.values())) / seconds:.0f} answers a second\n")
    print("| question | answers | p50 ms | p99 ms |\n| --- | --- | --- | --- |")
    for name, values in seen.seconds.items():
        p99 = quantiles(values, n=100)[98] if len(values) > 1 else values[0]
        print(f"| {name} | {len(values):,} | {1000 * median(values):.1f} | {1000 * p99:.1f} |")


def measure(warehouse: Warehouse, clients: int, seconds: float) -> Seen:
    """One client alone, then all of them while another process scores and publishes."""
    rows, risks = truth(warehouse)
    port = free_port()
    server = served(warehouse, port)
    context = multiprocessing.get_context("spawn")
    stop, published = context.Event(), context.Value("i", 0)
    writer = context.Process(target=change_and_publish, args=(warehouse, stop, published))
    try:
        progress("one client, nothing published", together(port, 1, seconds / 6, rows, risks), seconds / 6)
        writer.start()
        seen = together(port, clients, seconds, rows, risks)
        stop.set()
        writer.join()
        progress(f"{clients} clients, {published.value} snapshots published meanwhile", seen, seconds)
    finally:
        server.terminate()
        server.wait()
    print(
        f"\n{len(set(seen.snapshots))} snapshots seen; {len(seen.faults)} answers but 200, "
        f"{len(seen.mixed)} that mix what does not belong together"
    )
    if writer.exitcode != 0 or published.value < 2:
        sys.exit(f"the writer ended with {writer.exitcode} after {published.value} snapshots")
    return seen


def main() -> None:
    """Invent a warehouse, or take one, and end with 1 when any answer was a fault or mixed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=8, help="at a time (default: 8)")
    parser.add_argument("--seconds", type=float, default=60, help="of asking (default: 60)")
    parser.add_argument("--users", type=int, default=2000, help="to invent (default: 2000)")
    parser.add_argument("--warehouse", type=Path, help="take this one, which demo made; it is changed")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="churn-duck-bench-") as scratch:
        root = given.warehouse or Path(scratch, "warehouse")
        if given.warehouse is None:
            demo = [CHURN_DUCK, "--warehouse", str(root), "demo", "--n-users", str(given.users)]
            subprocess.run(demo, check=True, capture_output=True)
        seen = measure(open_warehouse(Settings(), root), given.clients, given.seconds)
    for what in (seen.faults + seen.mixed)[:10]:
        print(what, file=sys.stderr)
    sys.exit(1 if seen.faults or seen.mixed else 0)


if __name__ == "__main__":
    main()
