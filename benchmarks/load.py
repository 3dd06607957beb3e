"""A log in the contract's columns, as large as you like: users who differ, fade and leave, written with bounded memory.

    uv run python benchmarks/load.py FOLDER [--users 200000] [--days 120] [--seed 1]

About 31 % of a user's days are active and 0.54 events fall on a user-day at 120 days. Everything is drawn from hashes
of user, day and seed, so that the same call writes the same rows.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import duckdb

USERS = """
copy (
    select
        user_id,
        date '2025-01-01' + signup as signup_date,
        case when is_paid then 'paid' else 'free' end as plan,
        cast(is_paid as integer) as is_paid,
        ['US', 'IN', 'GB', 'DE', 'FR'][1 + cast(hash(user_id, {seed}, 8) % 5 as integer)] as country,
        ['ads', 'organic', 'referral'][1 + cast(hash(user_id, {seed}, 9) % 3 as integer)] as marketing_source
    from people
    order by user_id
) to '{path}' (format parquet, compression zstd)
"""
PEOPLE = """
create table people as
select
    user_id,
    case
        when hash(user_id, {seed}, 1) % 10 < 6 then -1 - cast(hash(user_id, {seed}, 2) % 180 as integer)
        else cast(hash(user_id, {seed}, 3) % {days} as integer)
    end as signup,
    hash(user_id, {seed}, 4) % 1000 / 1000.0 as vigour,
    hash(user_id, {seed}, 5) % 3 = 0 as is_paid,
    case
        when hash(user_id, {seed}, 6) % 100 < 35 then cast(hash(user_id, {seed}, 7) % {days} as integer)
        else 1000000
    end as departure
from range(1, {users} + 1) as drawn(user_id)
"""
# one file a month: nobody's memory holds a year
EVENTS = """
copy (
    with days as (select unnest(range({first}, {last})) as day),
    active as (
        select days.day, people.user_id
        from days cross join people
        where
            days.day >= people.signup and days.day < people.departure
            and hash(people.user_id, days.day, {seed}, 11) % 1000
            < 120 + 720 * people.vigour * least(1.0, (people.departure - days.day) / 30.0)
    ),
    drawn as (
        select
            day,
            user_id,
            unnest(range(0, 1 + cast(hash(user_id, day, {seed}, 12) % 100 < 55 as integer)
            + cast(hash(user_id, day, {seed}, 13) % 100 < 20 as integer))) as nth
        from active
    ),
    typed as (
        select *, hash(user_id, day, nth, {seed}, 15) % 100 as draw
        from drawn
    )
    select
        {first_id} + row_number() over () as event_id,
        user_id,
        date '2025-01-01' + cast(day as integer)
        + to_seconds(cast(hash(user_id, day, nth, {seed}, 14) % 86400 as integer)) as event_time,
        case
            when draw < 40 then 'login' when draw < 75 then 'video_watch' when draw < 88 then 'quiz_attempt'
            when draw < 92 then 'course_enroll' when draw < 97 then 'payment_success'
            when draw < 98 then 'payment_failed' else 'support_ticket'
        end as event_type,
        case when draw between 40 and 91 then 'c' || hash(user_id, nth, {seed}) % 40 end as course_id,
        case when draw between 40 and 74 then hash(user_id, day, nth, {seed}, 16) % 6000 / 100.0 else 0 end
            as watch_minutes,
        case when draw between 75 and 87 then hash(user_id, day, nth, {seed}, 17) % 1000 / 10.0 end as quiz_score,
        case when draw between 92 and 97 then 19.0 end as amount
    from typed
) to '{path}' (format parquet, compression zstd)
"""


def generate(folder: Path, users: int, days: int, seed: int = 1) -> int:
    """Write users.parquet and events/*.parquet; the number of events."""
    (folder / "events").mkdir(parents=True, exist_ok=True)
    con = duckdb.connect(config={"memory_limit": "2GB", "temp_directory": str(folder / ".spill")})
    con.execute(PEOPLE.format(users=users, days=days, seed=seed))
    con.execute(USERS.format(path=folder / "users.parquet", seed=seed))
    events = 0
    for first in range(0, days, 30):
        path = folder / "events" / f"day_{first:04d}.parquet"
        text = EVENTS.format(first=first, last=min(first + 30, days), first_id=events, path=path, seed=seed)
        events += con.execute(text).fetchall()[0][0]
        print(f"{events:,} events to day {min(first + 30, days)}", file=sys.stderr)
    con.close()
    return events


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--days", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    print(f"{generate(asked.folder, asked.users, asked.days, asked.seed):,} events")


if __name__ == "__main__":
    main()
