"""The page of a model card: one HTML file, styles and charts inside, nothing fetched from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from churn_duck import card_charts as charts
from churn_duck import card_format as form

FOLDER = Path(__file__).parent / "templates"
KINDS = {"baseline_logreg": "Logistic regression", "candidate_hgb": "Gradient boosting"}
GRADES = {"good": "Good", "fair": "Mind", "bad": "Fails"}


def page(card: Mapping[str, Any]) -> str:
    """The HTML of a card's content."""
    own = card["figures"]["eligible"]
    return (
        _environment()
        .get_template("model_card.html.jinja")
        .render(
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
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,  # countries, plans and reasons are what somebody typed
    )
    formats = (form.count, form.number, form.percent, form.points, form.bounds)
    environment.filters.update({one.__name__: one for one in formats})
    return environment
