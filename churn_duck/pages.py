"""What all HTML pages share: one file each, styles and charts inside, nothing fetched from anywhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2

from churn_duck import page_format as form

FOLDER = Path(__file__).parent / "templates"


def template(name: str) -> jinja2.Template:
    """A page's template; whatever is put into it is escaped."""
    return _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,  # ids, countries, plans and reasons are what somebody typed
    )
    formats = (form.count, form.number, form.percent, form.points, form.bounds, form.breakable, form.dated)
    environment.filters.update({one.__name__: one for one in formats})
    return environment
