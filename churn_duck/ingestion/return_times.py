"""How often users come back, and which horizon, windows and snapshots that and the length of the history allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from churn_duck.warehouse.query import literal

# horizon: look-back windows, days between snapshots
CHOICES: dict[int, tuple[list[int], int]] = {
    7: ([3, 7, 14], 3),
    14: ([7, 14, 28], 7),
    30: ([7, 14, 30], 7),
    60: ([14, 30, 60], 7),
    90: ([30, 60, 90], 7),
}
# silence of less than a month says little, however often users come
USUAL_HORIZON = 30
# of the gaps between a user's active days, so many are shorter than the horizon, so that silence means something
COVERED = 0.9
# snapshots beyond the least that training needs, so that the figures are more than a guess
SPARE_SNAPSHOTS = 4


@dataclass(frozen=True)
class Rhythm:
    """Days of history, and the gap in days below which `COVERED` of the returns fall; None: nobody returned."""

    first: str
    last: str
    days: int
    usual_gap: int | None
    late_rows: int


def rhythm(con: duckdb.DuckDBPyConnection, types: list[str]) -> Rhythm:
    """Of the view `log`, active on events of these types, its stray last days left out."""
    first, last, end, late = con.execute(
        """with days as (
            select cast(event_time as date) as day, count(*) as n from log where event_time is not null group by day
        ),
        counted as (select day, n, sum(n) over (order by day) / sum(n) over () as share from days)
        select
            min(day), max(day),
            coalesce(min(day) filter (where share >= 0.9999), max(day)),
            coalesce(sum(n) filter (where share > 0.9999), 0)
        from counted"""
    ).fetchall()[0]
    # a few rows far after all others are typing errors or the future
    strays = (last - end).days > 7
    gap = con.execute(
        f"""with days as (
            select distinct user_id, cast(event_time as date) as day from log
            where list_contains({literal(types)}, event_type)
        ),
        gaps as (select day - lag(day) over (partition by user_id order by day) as gap from days)
        select quantile_disc(gap, {COVERED}) from gaps where gap is not null"""
    ).fetchall()[0][0]
    last = end if strays else last
    return Rhythm(str(first), str(last), (last - first).days + 1, gap, int(late) if strays else 0)


def horizon(found: Rhythm) -> int | None:
    """A month, longer where users usually stay away longer, shorter where the history is too short; None: far too."""
    fitting = [days for days in CHOICES if _needed(days) <= found.days]
    covering = [days for days in fitting if days >= max(USUAL_HORIZON, found.usual_gap or 0)]
    return min(covering) if covering else max(fitting, default=None)


def _needed(days: int) -> int:
    """Days of events for look-back, label, purge, label again and some snapshots."""
    windows, step = CHOICES[days]
    return max(windows) + 2 * days + SPARE_SNAPSHOTS * step


def windows(days: int) -> dict[str, Any]:
    """The settings that go with a horizon."""
    looked, step = CHOICES[days]
    return {
        "features": {"windows_days": looked, "exclude": []},
        "churn": {"window_days": days},
        "population": {"active_within_days": days},
        "training": {"snapshot_every_days": step},
    }
