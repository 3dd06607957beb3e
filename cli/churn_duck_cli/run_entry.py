"""What several commands write into their row of the run log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from churn_duck_cli.exit_codes import DRIFTED

if TYPE_CHECKING:
    from churn_duck.jobs.retrain import Renewed
    from churn_duck.jobs.run_log import Entry
    from churn_duck.monitoring.drift import Checked
    from churn_duck.scoring.score import Scored


def note_scored(entry: Entry, scored: Scored) -> None:
    """Records the scored day, the model and the number of users."""
    entry.as_of_date, entry.model_version, entry.row_count = scored.as_of_date, scored.model_version, scored.rows


def note_drift(entry: Entry, checked: Checked) -> None:
    """Records what failed, if the verdict is FAIL."""
    if checked.status == "FAIL":
        entry.outcome, entry.exit_code, entry.message = "drifted", DRIFTED, ", ".join(checked.names("FAIL"))


def note_renewed(entry: Entry, renewed: Renewed) -> None:
    """Records the decision and the scores of a retraining, or why there was none."""
    if renewed.retrained is not None and renewed.scored is not None:
        note_scored(entry, renewed.scored)
        decision = renewed.retrained.decision
        entry.outcome = "ok" if decision.promoted else "not_promoted"
        entry.message, entry.model_version = decision.reason, decision.production
    elif renewed.no_new_data:
        entry.outcome, entry.message = "no_new_data", renewed.no_new_data
