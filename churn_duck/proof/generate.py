"""A simulated e-learning business with known truth: who loses interest, whose payment fails, who comes back.

Activity fades before a user leaves (so there is something to learn), users sign up all the time, activity varies by
week and season, failed payments drive some away without warning, some return. Only `truth.parquet` knows why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from churn_duck.proof.synthetic import World
from churn_duck.warehouse.files import replacing

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

CHUNK_USERS = 5_000
NEVER = 1_000_000
COUNTRIES = ("US", "IN", "UK", "CA", "AU", "DE", "BR")
SOURCES = ("organic", "ads", "referral", "youtube", "partner")
COURSES = ("sql", "python", "statistics", "kubernetes", "argo-cd", "terraform")
BILLING_DAYS = 30
# mean events on an active day, for a user of average interest
VIDEOS, QUIZZES, ENROLMENTS, TICKETS = 1.2, 0.6, 0.04, 0.006
# after the change: factors on how often users come and how long they watch
RARER, LONGER = 0.4, 2.0


@dataclass(frozen=True)
class _People:
    """One chunk of users; days are counted from the start date; NEVER is after the last day."""

    user_id: Whole
    signup: Whole
    is_paid: npt.NDArray[np.bool_]
    interest: Numbers
    fade_start: Whole
    departure: Whole
    back: Whole
    failed_bill: Whole


def generate(world: World, out: Path) -> Iterator[int]:
    """Write `users.parquet`, `events.parquet` and `truth.parquet` into `out`; yields the users done so far."""
    with (
        replacing(out / "users.parquet") as users_path,
        replacing(out / "events.parquet") as events_path,
        replacing(out / "truth.parquet") as truth_path,
    ):
        writers: list[pq.ParquetWriter] = []
        next_event = 1
        for first in range(0, world.n_users, CHUNK_USERS):
            random = np.random.default_rng([world.seed, first])
            people = _people(world, random, first)
            events = _events(world, random, people, next_event)
            next_event += events.height
            tables = [frame.to_arrow() for frame in (_users(world, random, people), events, _truth(world, people))]
            if not writers:
                paths = (users_path, events_path, truth_path)
                writers = [pq.ParquetWriter(p, t.schema) for p, t in zip(paths, tables, strict=True)]
            _write(writers, tables)
            yield min(first + CHUNK_USERS, world.n_users)
        for writer in writers:
            writer.close()


def _write(writers: list[pq.ParquetWriter], tables: list[pa.Table]) -> None:
    for writer, table in zip(writers, tables, strict=True):
        writer.write_table(table)


def _people(world: World, random: np.random.Generator, first: int) -> _People:
    n = min(CHUNK_USERS, world.n_users - first)
    # 60 % signed up before the first day, the others during the period
    signup = np.where(random.random(n) < 0.6, -random.integers(1, 181, n), random.integers(0, world.days, n))
    is_paid = random.random(n) < world.paid_ratio
    interest = random.beta(2.0, 2.5, n) * 0.85 + 0.1 * is_paid
    arrived = np.maximum(signup, 0)
    hazard = -np.log1p(-world.churn_base_rate) / 120 * np.exp(0.8 - 1.9 * interest)
    lost = arrived + 7 + np.floor(random.exponential(1 / np.maximum(hazard, 1e-12)))
    lost = np.minimum(lost, NEVER).astype(np.int64)
    failed_bill, leaves_over_it = _failed_bills(world, random, signup, is_paid)
    gone = np.where(leaves_over_it, failed_bill + random.integers(1, 8, n), NEVER)
    departure = np.minimum(lost, gone)
    fade_start = np.where(lost <= gone, lost - random.integers(14, 56, n), NEVER)
    returns = (departure < NEVER) & (random.random(n) < 0.15)
    back = np.where(returns, departure + random.integers(35, 120, n), NEVER)
    return _People(
        np.arange(first + 1, first + n + 1), signup, is_paid, interest, fade_start, departure, back, failed_bill
    )


def _failed_bills(
    world: World, random: np.random.Generator, signup: Whole, is_paid: npt.NDArray[np.bool_]
) -> tuple[Whole, npt.NDArray[np.bool_]]:
    """The day of each payer's first failed payment, and whether the user leaves over it."""
    bill = random.geometric(0.05, len(signup))
    day = signup + BILLING_DAYS * bill
    fails = is_paid & (day >= 0) & (day < world.days)
    return np.where(fails, day, NEVER), fails & (random.random(len(signup)) < 0.45)


def _events(world: World, random: np.random.Generator, people: _People, first_event: int) -> pl.DataFrame:
    user, day, vigour = _active_days(world, random, people)
    parts = [
        _repeat(user, day, "login", 1 + random.poisson(0.4, len(user))),
        _repeat(user, day, "video_watch", random.poisson(VIDEOS * vigour)),
        _repeat(user, day, "quiz_attempt", random.poisson(QUIZZES * vigour)),
        _repeat(user, day, "course_enroll", random.poisson(ENROLMENTS, len(user))),
        # a user who is losing interest complains more
        _repeat(user, day, "support_ticket", random.poisson(TICKETS * np.where(vigour < 0.5, 4.0, 1.0))),
        *_payments(world, people),
    ]
    events = pl.concat(
        [
            part.with_columns(vigour=pl.lit(None, pl.Float64)) if "vigour" not in part.columns else part
            for part in parts
        ],
        how="diagonal",
    )
    return _detailed(world, random, people, events, first_event)


def _active_days(world: World, random: np.random.Generator, people: _People) -> tuple[Whole, Whole, Numbers]:
    """Row of the user, day, and vigour (1 is usual, towards 0 while fading) of every active day."""
    days = np.arange(world.days)
    date_of_year = (world.start_date.timetuple().tm_yday + days) % 365.25
    weekday = (world.start_date.weekday() + days) % 7
    rhythm = (1 + 0.15 * np.cos(2 * np.pi * (date_of_year - 20) / 365.25)) * np.where(weekday >= 5, 0.7, 1.1)
    fade_days = np.maximum(people.departure - people.fade_start, 1)
    faded = (days[None, :] - people.fade_start[:, None]) / fade_days[:, None]
    vigour = np.where(faded > 0, np.maximum(1 - 0.85 * faded, 0.1), 1.0)
    back = days[None, :] >= people.back[:, None]
    here = (days[None, :] >= people.signup[:, None]) & ((days[None, :] < people.departure[:, None]) | back)
    vigour = np.where(back, 0.8, vigour)
    rhythm = np.where(days >= _change_day(world), RARER, 1.0) * rhythm
    chance = np.clip(0.05 + 0.65 * people.interest, 0, 0.95)[:, None] * rhythm[None, :] * vigour * here
    user, day = np.nonzero(random.random(chance.shape) < chance)
    return user, day, vigour[user, day]


def _change_day(world: World) -> int:
    """The first day of the changed behaviour, counted from the start."""
    return NEVER if world.change_date is None else (world.change_date - world.start_date).days


def _repeat(user: Whole, day: Whole, event_type: str, times: Whole) -> pl.DataFrame:
    rows = np.repeat(np.arange(len(user)), times)
    return pl.DataFrame({"row": user[rows], "day": day[rows]}).with_columns(event_type=pl.lit(event_type))


def _payments(world: World, people: _People) -> Iterator[pl.DataFrame]:
    """One bill every 30 days of an active payer; the failed one is a failed payment."""
    rows = np.flatnonzero(people.is_paid)
    bills = np.arange(1, (world.days + 180) // BILLING_DAYS + 1)
    day = people.signup[rows][:, None] + BILLING_DAYS * bills[None, :]
    there = (day < people.departure[rows][:, None]) | (day >= people.back[rows][:, None])
    due = (day >= 0) & (day < world.days) & there
    failed = day == people.failed_bill[rows][:, None]
    for event_type, kept in (("payment_success", due & ~failed), ("payment_failed", due & failed)):
        payer, bill = np.nonzero(kept)
        yield pl.DataFrame({"row": rows[payer], "day": day[payer, bill]}).with_columns(event_type=pl.lit(event_type))


def _detailed(
    world: World, random: np.random.Generator, people: _People, events: pl.DataFrame, first_event: int
) -> pl.DataFrame:
    """Times, minutes, scores and amounts, in order of time."""
    n, kind = events.height, events["event_type"]
    interest = people.interest[events["row"].to_numpy()]
    seconds = (random.beta(3, 2, n) * 86_399).astype(np.int64) + 86_400 * events["day"].to_numpy()
    start = pl.lit(world.start_date).cast(pl.Datetime("us"))
    course = np.asarray(COURSES)[random.integers(0, len(COURSES), n)]
    longer = np.where(events["day"].to_numpy() >= _change_day(world), LONGER, 1.0)
    minutes, score = (
        random.gamma(2.0, 6 + 14 * interest) * longer,
        np.clip(random.normal(55 + 35 * interest, 12), 0, 100),
    )
    has_course = kind.is_in(["video_watch", "quiz_attempt", "course_enroll"])
    return (
        events.with_columns(
            user_id=pl.Series(people.user_id[events["row"].to_numpy()]),
            event_time=start + pl.duration(seconds=pl.lit(pl.Series(seconds))),
            course_id=pl.when(has_course).then(pl.Series(course)),
            watch_minutes=pl.when(kind == "video_watch").then(pl.Series(minutes).round(2)).otherwise(0.0),
            quiz_score=pl.when(kind == "quiz_attempt").then(pl.Series(score).round(1)),
            amount=pl.when(kind.is_in(["payment_success", "payment_failed"])).then(19.0),
        )
        .sort("event_time", "user_id", "event_type", maintain_order=True)
        .with_row_index("event_id", offset=first_event)
        .with_columns(pl.col("event_id").cast(pl.Int64))
        .select("event_id", "user_id", "event_time", "event_type", "course_id", "watch_minutes", "quiz_score", "amount")
    )


def _users(world: World, random: np.random.Generator, people: _People) -> pl.DataFrame:
    n = len(people.user_id)
    return pl.DataFrame(
        {
            "user_id": people.user_id,
            "signup_date": [world.start_date + timedelta(days=int(day)) for day in people.signup],
            "plan": np.where(people.is_paid, "paid", "free"),
            "is_paid": people.is_paid.astype(np.int64),
            "country": np.asarray(COUNTRIES)[
                random.choice(len(COUNTRIES), n, p=[0.3, 0.25, 0.12, 0.1, 0.08, 0.1, 0.05])
            ],
            "marketing_source": np.asarray(SOURCES)[random.integers(0, len(SOURCES), n)],
        }
    )


def _truth(world: World, people: _People) -> pl.DataFrame:
    def dates(days: Whole) -> list[date | None]:
        return [world.start_date + timedelta(days=int(d)) if d < world.days else None for d in days]

    over_payment = (people.departure < NEVER) & (people.fade_start == NEVER)
    cause = np.where(over_payment, "failed payment", "lost interest")
    return pl.DataFrame(
        {
            "user_id": people.user_id,
            "interest": people.interest,
            "fade_start_date": dates(people.fade_start),
            "departure_date": dates(people.departure),
            "cause": pl.Series(cause).set(pl.Series(people.departure >= world.days), None),
            "return_date": dates(people.back),
        },
        schema_overrides={"fade_start_date": pl.Date, "departure_date": pl.Date, "return_date": pl.Date},
    )
