"""The page of a model card: one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from churn_duck.pages.card import charts
from churn_duck.pages.html import template

KINDS = {
    "baseline_logreg": "Logistic regression",
    "candidate_hgb": "Gradient boosting",
    "blend": "Logistic regression and gradient boosting, the mean of both",
}
GRADES = {"good": "Good", "fair": "Attention", "bad": "Fails"}


def page(card: Mapping[str, Any]) -> str:
    """Returns the HTML of a card's content."""
    own = card["figures"]["eligible"]
    return template("model_card.html.jinja").render(
        card=card,
        own=own,
        kinds=KINDS,
        grades=GRADES,
        parts=charts.parts(card["split"]),
        wide=charts.timeline(card["split"], 960),
        narrow=charts.timeline(card["split"], 360),
        forest=charts.forest(own),
        reliability=charts.reliability(own["reliability"], card["calibration"]["sigmoid"] is not None),
        gain=charts.gain(card["gain_curve"]["eligible"], card["calls_needed"]["eligible"]["model"]),
    )
