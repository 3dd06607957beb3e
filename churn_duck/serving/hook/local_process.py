"""A retraining as a process of its own beside the API, which outlives it."""

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
    """Starts `command`, its output in a log among the reports; the newest log's name tells when the last one began.

    The process inherits a lock on a file, so that there are never two, not even of two APIs or after a restart.
    """

    def __init__(self, command: Sequence[str], reports: Path, cooldown: timedelta) -> None:
        self._command, self._reports, self._cooldown = list(command), reports, cooldown

    def start(self, alerts: Sequence[str]) -> Started:
        """Start it for these alerts, unless one runs or began within the cooldown. Raises: StartFailed."""
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
            return Started(last.name if last else LOG, False, "a retraining still runs")
        now = utc_now()
        if last is not None and now - _began(last) < self._cooldown:
            return Started(last.name, False, f"already started at {_began(last)} UTC, within the cooldown")
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
        # somebody must take note of its end, or it stays as a zombie
        threading.Thread(target=process.wait, daemon=True).start()
        return Started(log.name, True, f"process {process.pid}, output in {log}")


def _began(log: Path) -> datetime:
    try:
        return datetime.strptime(log.stem.removeprefix(LOG), STAMP)
    except ValueError:
        # named by nobody here
        return datetime.min
