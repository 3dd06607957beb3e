"""Templates and number formats of the HTML pages; a page is one file and loads nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

FOLDER = Path(__file__).parent / "templates"
# thin space that keeps number and unit on one line
NARROW = "\u202f"
ABSENT = "\u2013"


def template(name: str) -> jinja2.Template:
    """Returns a page's template; all values are escaped."""
    return _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,  # ids, countries, plans and reasons are user input
    )
    formats: tuple[Callable[..., str], ...] = (count, number, percent, points, bounds, breakable, dated)
    environment.filters.update({format.__name__: format for format in formats})
    return environment


def count(value: float) -> str:
    """12345.0 is 12,345."""
    return f"{value:,.0f}"


def number(value: float | None, digits: int = 3) -> str:
    """Returns the number with `digits` decimals and a real minus sign; a dash for None."""
    return ABSENT if value is None else f"{value:.{digits}f}".replace("-", "\u2212")


def percent(value: float, digits: int = 1) -> str:
    """0.0898 is 9.0 %; a share that is neither 0 nor 1 is never rounded to them."""
    text = f"{100 * value:.{digits}f}"
    least = 10.0**-digits
    if 0 < value < 1 and float(text) in (0.0, 100.0):
        text = f"below{NARROW}{least:g}" if float(text) == 0 else f"above{NARROW}{100 - least:g}"
    return f"{text}{NARROW}%".replace("-", "\u2212")


def points(value: float) -> str:
    """Returns a difference of shares in points, with its sign: +1.2."""
    return f"{100 * value:+.1f}".replace("-", "\u2212")


def bounds(interval: Sequence[float | None], digits: int = 3) -> str:
    """Returns an interval for a table: 0.1 to 0.2."""
    return f"{number(interval[0], digits)} to {number(interval[1], digits)}"


def breakable(name: str) -> Markup:
    """Returns a long name that may wrap after an underscore, escaped."""
    return Markup("_<wbr>").join(escape(part) for part in name.split("_"))


def dated(text: str) -> Markup:
    """Returns a sentence whose dates do not wrap, escaped."""
    return Markup(re.sub(r"\d{4}-\d\d-\d\d", r'<span class="whole">\g<0></span>', str(escape(text))))
