"""The write lock of a warehouse: one process at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import filelock

from churn_duck.errors import WarehouseError
from churn_duck.warehouse.files import write_text

LOCK_WAIT_SECONDS = 30.0


@contextmanager
def writing(root: Path, purpose: str, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
    """Holds the only write lock on `root`; the operating system releases it when the process ends, however it ends.

    Raises: WarehouseError naming the holder after `wait_seconds`.
    """
    root.mkdir(parents=True, exist_ok=True)
    holder = root / ".writer.json"
    lock = filelock.FileLock(root / ".writer.lock")
    try:
        lock.acquire(timeout=wait_seconds)
    except filelock.Timeout as error:
        raise WarehouseError(
            f"{root} is being written by {_holder_name(holder)}; gave up after {wait_seconds:.0f} s, try later"
        ) from error
    try:
        started = datetime.now(UTC).isoformat(timespec="seconds")
        write_text(holder, json.dumps({"pid": os.getpid(), "command": purpose, "since": started}))
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _holder_name(holder: Path) -> str:
    try:
        writer = json.loads(holder.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "another process"
    return f"`churn-duck {writer['command']}` (process {writer['pid']}, since {writer['since']})"
