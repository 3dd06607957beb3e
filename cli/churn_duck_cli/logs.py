"""Structured logs, where they are asked for: one JSON object a line on stderr."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from churn_duck.jobs.run_log import log

# what a record may carry beside its message: the command and the fields of its row in `runs`
FIELDS = ("command", "outcome", "exit_code", "run_message", "as_of_date", "row_count", "model_version")


class JsonLines(logging.Formatter):
    """`time` (UTC), `level`, `message`, and the fields that the record has."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = {name: getattr(record, name) for name in FIELDS if getattr(record, name, None) is not None}
        return json.dumps(
            {"time": time, "level": record.levelname.lower(), "message": record.getMessage(), **fields}, default=str
        )


def log_as_json() -> None:
    """From here on every step, start and end of a command is a line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    log.handlers = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False
