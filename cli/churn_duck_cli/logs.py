"""Structured logs for --log-json: one JSON object per line on stderr."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from churn_duck.jobs.run_log import log

# fields that a record may carry besides its message: the command, and the columns of its row in `runs`
FIELDS = ("command", "outcome", "exit_code", "run_message", "as_of_date", "row_count", "model_version")


class JsonLines(logging.Formatter):
    """Formats a record as `time` (UTC), `level`, `message`, and those of FIELDS that it has."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = {name: getattr(record, name) for name in FIELDS if getattr(record, name, None) is not None}
        return json.dumps(
            {"time": time, "level": record.levelname.lower(), "message": record.getMessage(), **fields}, default=str
        )


def log_as_json() -> None:
    """Writes each start, step and end of a command as a line from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    log.handlers = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False
