"""How often users return, and which horizon, windows and snapshots fit that and the length of the history."""

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
# silence of less than a month says little, however often users return
USUAL_HORIZON = 30
# share of the gaps between a user's active days that the horizon must cover, so that silence means something
COVERED = 0.9
# snapshots beyond the minimum for training, so that the metrics mean something
SPARE_SNAPSHOTS = 4


@dataclass(frozen=True)
class Rhythm:
    """Days of history, and the gap in days that covers `COVERED` of the returns; None: nobody returned."""

    first: str
    last: str
    days: int
    usual_gap: int | None
    late_rows: int


def rhythm(con: duckdb.DuckDBPyConnection, types: list[str]) -> Rhythm:
    """The return times in the view `log`, counting events of `types`, without stray last days."""
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
    # a few rows long after all others are typing errors or planned events
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


def horizon(returns: Rhythm) -> int | None:
    """A month; longer if users usually stay away longer, shorter if the history demands it; None: far too short."""
    fitting = [days for days in CHOICES if _needed(days) <= returns.days]
    covering = [days for days in fitting if days >= max(USUAL_HORIZON, returns.usual_gap or 0)]
    return min(covering) if covering else max(fitting, default=None)


def _needed(days: int) -> int:
    """Days of events for look-back, label, purge, second label and spare snapshots."""
    windows, step = CHOICES[days]
    return max(windows) + 2 * days + SPARE_SNAPSHOTS * step


def windows(days: int) -> dict[str, Any]:
    """The settings that go with a horizon."""
    windows_days, step = CHOICES[days]
    return {
        "features": {"windows_days": windows_days, "exclude": []},
        "churn": {"window_days": days},
        "population": {"active_within_days": days},
        "training": {"snapshot_every_days": step},
    }
