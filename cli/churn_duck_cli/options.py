"""What every command gets (settings, warehouse, output format), and the options that several commands share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated

import typer

from churn_duck.settings.config import Settings
from churn_duck.warehouse.store import Warehouse


@dataclass
class Common:
    """The options before the command."""

    settings: Settings
    warehouse: Warehouse
    json: bool


def as_date(text: str | date) -> date:
    """Returns the date that an option holds; typer passes defaults through the parser too."""
    try:
        return text if isinstance(text, date) else date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a date; write it like 2025-04-30") from error


AsOf = Annotated[
    date | None,
    typer.Option(
        parser=as_date,
        metavar="DATE",
        help="As-of date: use only data up to the end of this day (UTC); default: the last complete day.",
    ),
]
Start = Annotated[date, typer.Option(parser=as_date, metavar="DATE", help="First day.")]
Json = Annotated[bool, typer.Option("--json", help="Print data as JSON.")]
FILES = "Parquet, CSV or JSON lines; a file, a glob, a folder or an s3:// path."
Users = Annotated[str | None, typer.Option(metavar="FILE", help=FILES)]
Events = Annotated[str | None, typer.Option(metavar="FILE", help=FILES)]
TopK = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Number of users in the top list; default: scoring.top_k.")
]
