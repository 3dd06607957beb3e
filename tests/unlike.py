"""Logs of unlike businesses in unlike schemas: who fades is drawn once, how it is written down differs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

START = datetime(2024, 3, 1)


def visits(users: int, days: int, seed: int, rate: float = 0.3) -> Iterator[tuple[int, datetime]]:
    """User and moment of every visit, in the order of time; users differ in vigour, fade and leave."""
    random = np.random.default_rng(seed)
    vigour = random.uniform(0.2, 1.0, users) * rate
    first, stay = random.integers(0, days // 2, users), random.exponential(days, users)
    for day in range(days):
        left = np.clip((first + stay - day) / 30, 0, 1)
        here = np.flatnonzero((day >= first) & (random.random(users) < vigour * left))
        for user, second in zip(here, np.sort(random.integers(0, 86_400, len(here))), strict=True):
            yield int(user), START + timedelta(days=day, seconds=int(second))


def subscriptions(folder: Path, users: int = 300, days: int = 240) -> tuple[Path, Path]:
    """A subscription app: text ids, JSON lines with offsets in the times, renewals that nobody does, cancellations."""
    random = np.random.default_rng(1)
    ids = [f"acc-{number:05d}" for number in range(users)]
    people, events = folder / "accounts.csv", folder / "app.jsonl"
    with people.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["account", "joined_at", "tier", "email", "cancelled_at", "seats"])
        for number, one in enumerate(ids):
            tier = ["basic", "pro", "team"][number % 3]
            rows.writerow([one, f"2024-0{1 + number % 3}-15", tier, f"{one}@example.com", "", 1 + number % 7])
    last: dict[int, datetime] = {}
    with events.open("w") as file:
        for user, moment in visits(users, days, 1):
            action = str(random.choice(["open", "edit", "share", "export"], p=[0.5, 0.3, 0.1, 0.1]))
            if user in last and moment.month != last[user].month:
                _line(file, ids[user], moment, "renewal", 9.99 * (1 + user % 3))
            if random.random() < 0.003:
                _line(file, ids[user], moment, "subscription_cancelled")
            _line(file, ids[user], moment, action)
            last[user] = moment
    return people, events


def _line(file: object, account: str, moment: datetime, action: str, price: float | None = None) -> None:
    text = (moment + timedelta(hours=2)).isoformat() + "+02:00"
    content = {"account": account, "at": text, "action": action, "charged": price}
    file.write(json.dumps(content) + "\n")  # type: ignore[attr-defined]


def sessions(folder: Path, users: int = 300, days: int = 200) -> tuple[Path, Path]:
    """A game: 64-bit players, epoch seconds, sessions in Parquet partitions by platform."""
    random = np.random.default_rng(2)
    ids = random.integers(2**52, 2**62, users)
    rows = [
        (int(ids[user]), int(moment.replace(tzinfo=UTC).timestamp()), int(random.gamma(2, 400)), int(random.poisson(3)))
        for user, moment in visits(users, days, 2)
    ]
    frame = pl.DataFrame(rows, schema=["player_id", "started_at", "seconds_played", "levels_won"], orient="row")
    platforms = ["ios", "android"]
    for turn, platform in enumerate(platforms):
        place = folder / "sessions" / f"platform={platform}"
        place.mkdir(parents=True)
        frame.filter(pl.col("player_id") % 2 == turn).write_parquet(place / "part-0.parquet")
    joined = [int((START - timedelta(days=10)).replace(tzinfo=UTC).timestamp())] * users
    people = folder / "players.parquet"
    pl.DataFrame({"player_id": ids, "install_date": joined, "is_vip": ids % 5 == 0}).write_parquet(people)
    return people, folder / "sessions"


def invoices(folder: Path, users: int = 300, days: int = 300) -> Path:
    """A shop: lines of invoices in a CSV of days and months, text customers with a space, guests, returns."""
    random = np.random.default_rng(3)
    path = folder / "invoices.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "Customer ID", "Country"])
        for number, (user, moment) in enumerate(visits(users, days, 3, rate=0.08)):
            customer = f"C {user:04d}" if random.random() > 0.05 else ""
            for _ in range(int(random.integers(1, 4))):
                quantity = int(random.integers(1, 12)) * (-1 if random.random() < 0.03 else 1)
                code, price = f"S{random.integers(200)}", round(float(random.gamma(2, 2)), 2)
                written = moment.strftime("%d/%m/%Y %H:%M")
                rows.writerow([f"I{number}", code, quantity, written, price, customer, ["UK", "FR", "DE"][user % 3]])
    return path
