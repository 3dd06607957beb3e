"""The raw files by their names: which of them count, what came with which landing, and the digest of them all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True)
class RawFiles:
    """Absolute paths of what has landed."""

    users: list[str]
    events: list[str]
    quarantine: list[str]
    # of the events: what user_activity is made from at a time; None: everything at once
    periods: tuple[tuple[date, date], ...] | None = None
    # the newest landing that the tables hold already; None: they are made from nothing
    after_landing: int | None = None

    @property
    def data_hash(self) -> str:
        """SHA-256 over the file names, which carry the digests of what was landed."""
        return self.hash_until(None)

    def hash_until(self, landing: int | None) -> str:
        """What `data_hash` was when `landing` was the newest; None: now."""
        names = sorted(name_of(path) for path in (*self.users, *self.events))
        counted = (name for name in names if landing is None or landing_of(name) <= landing)
        return hashlib.sha256("\n".join(counted).encode()).hexdigest()

    @property
    def landing_numbers(self) -> list[int]:
        """The landings, the newest first."""
        return sorted({landing_of(name_of(path)) for path in (*self.users, *self.events)}, reverse=True)

    def bucket_ranges(self, buckets: int) -> Iterator[tuple[int, int]]:
        """First and last bucket of each share of the users whose history is about four periods of all users."""
        parts = 1 if self.periods is None or self.after_landing is not None else -(-len(self.periods) // 4)
        step = -(-buckets // parts)
        return ((first, min(first + step, buckets) - 1) for first in range(0, buckets, step))

    def arrived(self, paths: Sequence[str]) -> list[str]:
        """Those of `paths` that came after `after_landing`."""
        return [path for path in paths if self.after_landing is None or landing_of(name_of(path)) > self.after_landing]

    @property
    def folder(self) -> str:
        """Where `users/` and `events/` are."""
        return str(Path(self.users[0]).parent.parent)


def name_of(path: str) -> str:
    """Of a file in a folder of raw files."""
    return path.rpartition("/")[2]


def landing_of(name: str) -> int:
    """The number of the landing that brought a raw file."""
    return int(name.split("-", maxsplit=1)[0])


def raw_names(folder: Path) -> list[str]:
    """Of the raw files in a folder, in the order of their landing; texts, since a year has hundreds of them."""
    return sorted(path.name for path in folder.glob("*.parquet"))


def counting(names: Sequence[str]) -> list[str]:
    """Those that no later landing replaces: the newest of each content or query."""
    return sorted({name.split("-")[2]: name for name in names}.values())
