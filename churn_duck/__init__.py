"""Churn Duck: who of the still-active users is about to leave, from raw files to a ranked list, in DuckDB."""

import os
from importlib.metadata import version

# before anything loads OpenMP: threads that spin while they wait make boosting slower on few, shared cores
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = version("churn-duck")
