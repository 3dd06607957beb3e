"""Exit codes of the command line beside those of the errors; docs/exit_codes.md lists all."""

from __future__ import annotations

DRIFTED = 2
NOT_PROMOTED = 4
USAGE = 64
INTERRUPTED = 130
