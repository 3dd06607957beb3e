"""A retraining as a separate process that outlives the API."""

from __future__ import annotations

import fcntl
import os
import subprocess
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from churn_duck.serving.api.auth import HOOK_TOKEN, TOKEN
from churn_duck.serving.hook.starter import Started, StartFailed, retrain_options
from churn_duck.warehouse.store import utc_now

LOG, STAMP = "retrain_alert_", "%Y%m%dT%H%M%SZ"


class ProcessStarter:
    """Starts `command` and logs its output among the reports; the newest log's name holds its start time.

    The process inherits a file lock, so that two never run at once, even with two APIs or after a restart.
    """

    def __init__(self, command: Sequence[str], reports: Path, cooldown: timedelta) -> None:
        self._command, self._reports, self._cooldown = list(command), reports, cooldown

    def start(self, alerts: Sequence[str]) -> Started:
        """Start it for these alerts, unless one is running or started within the cooldown. Raises: StartFailed."""
        try:
            self._reports.mkdir(parents=True, exist_ok=True)
            with (self._reports / f".{LOG}lock").open("a") as lock:
                return self._start(lock.fileno(), [*self._command, *retrain_options(alerts)])
        except OSError as error:
            raise StartFailed(f"cannot start {self._command[0]}: {error}") from error

    def _start(self, lock: int, command: Sequence[str]) -> Started:
        last = max(self._reports.glob(f"{LOG}*.log"), default=None)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return Started(last.name if last else LOG, False, "a retraining is already running")
        now = utc_now()
        if last is not None and now - _start_time(last) < self._cooldown:
            return Started(last.name, False, f"already started at {_start_time(last)} UTC, within the cooldown")
        log = self._reports / f"{LOG}{now:{STAMP}}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(lock,),
                env={name: value for name, value in os.environ.items() if name not in (TOKEN, HOOK_TOKEN)},
            )
        # reap it when it ends, or it stays a zombie
        threading.Thread(target=process.wait, daemon=True).start()
        return Started(log.name, True, f"process {process.pid}, output in {log}")


def _start_time(log: Path) -> datetime:
    try:
        return datetime.strptime(log.stem.removeprefix(LOG), STAMP)
    except ValueError:
        # not one of our names
        return datetime.min
