"""What all HTML pages share: one file each, styles and charts inside, nothing fetched from anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

FOLDER = Path(__file__).parent / "templates"
# keeps number and unit on one line
NARROW = "\u202f"
ABSENT = "\u2013"


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
    formats: tuple[Callable[..., str], ...] = (count, number, percent, points, bounds, breakable, dated)
    environment.filters.update({one.__name__: one for one in formats})
    return environment


def count(value: float) -> str:
    """12345.0 is 12,345."""
    return f"{value:,.0f}"


def number(value: float | None, digits: int = 3) -> str:
    """With so many decimals; a real minus sign; a dash where there is none."""
    return ABSENT if value is None else f"{value:.{digits}f}".replace("-", "\u2212")


def percent(value: float, digits: int = 1) -> str:
    """0.0898 is 9.0 %; what is neither 0 nor 1 does not read as if it were."""
    text = f"{100 * value:.{digits}f}"
    least = 10.0**-digits
    if 0 < value < 1 and float(text) in (0.0, 100.0):
        text = f"below{NARROW}{least:g}" if float(text) == 0 else f"above{NARROW}{100 - least:g}"
    return f"{text}{NARROW}%".replace("-", "\u2212")


def points(value: float) -> str:
    """A difference of shares, with its sign: +1.2."""
    return f"{100 * value:+.1f}".replace("-", "\u2212")


def bounds(interval: Sequence[float], digits: int = 3) -> str:
    """An interval for a table."""
    return f"{number(interval[0], digits)} to {number(interval[1], digits)}"


def breakable(name: str) -> Markup:
    """A long name that may go to the next line after an underscore, escaped."""
    return Markup("_<wbr>").join(escape(part) for part in name.split("_"))


def dated(text: str) -> Markup:
    """A sentence whose dates stay on one line, escaped."""
    return Markup(re.sub(r"\d{4}-\d\d-\d\d", r'<span class="whole">\g<0></span>', str(escape(text))))
