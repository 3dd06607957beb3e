"""Against real logs and the original system's tables, where they lie beside the checkout."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from churn_duck.ingestion.land import land_sources
from churn_duck.settings.config import Settings
from churn_duck.settings.load import parse_settings
from churn_duck.training.train import train
from churn_duck.warehouse.build import build
from churn_duck.warehouse.store import open_warehouse, working
from tests.conftest import silent

SHARED = Path(__file__).parents[2] / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="no reference data beside the checkout")


@pytest.mark.whole
@needs_shared
def test_every_table_equals_the_original_systems() -> None:
    command = f"{sys.executable} -c 'from churn_duck_cli.main import main; main()'"
    done = subprocess.run(
        [sys.executable, str(SHARED / "checks" / "parity.py"), "--command", command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "6 passed, 0 failed" in done.stdout, done.stdout + done.stderr


@needs_shared
@pytest.mark.slow
@pytest.mark.parametrize(
    ("log", "as_of", "settings", "low", "high"),
    [
        ("oulad", date(2014, 12, 1), Settings(), 0.85, 0.91),
        (
            "cdnow",
            date(1997, 9, 30),
            parse_settings({"churn": {"window_days": 90}, "population": {"active_within_days": 90}}, "test"),
            0.60,
            0.80,
        ),
    ],
)
def test_real_logs_are_ranked_as_well_as_the_reference_and_not_suspiciously_better(
    tmp_path: Path, log: str, as_of: date, settings: Settings, low: float, high: float
) -> None:
    warehouse = open_warehouse(settings, tmp_path)
    folder = SHARED / "data" / log
    land_sources(warehouse, str(folder / "users.parquet"), str(folder / "events.parquet"), silent)
    with working(warehouse, "test") as con:
        list(build(con, warehouse))
        (version,) = train(con, warehouse, ("candidate_hgb",), as_of, silent)
    assert low < version.metrics["roc_auc"] < high
