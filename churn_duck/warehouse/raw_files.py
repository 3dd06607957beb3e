"""Raw files by name: which of them count, which landing wrote each, and the digest of all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True)
class RawFiles:
    """Absolute paths of the landed files."""

    users: list[str]
    events: list[str]
    quarantine: list[str]
    # periods of events from which user_activity is built one at a time; None: all at once
    periods: tuple[tuple[date, date], ...] | None = None
    # the newest landing that the tables already hold; None: they are built from scratch
    after_landing: int | None = None

    @property
    def data_hash(self) -> str:
        """SHA-256 over the file names, which contain the digests of their content."""
        return self.hash_until(None)

    def hash_until(self, landing: int | None) -> str:
        """The `data_hash` of the time when `landing` was the newest; None: now."""
        names = sorted(name_of(path) for path in (*self.users, *self.events))
        counted = (name for name in names if landing is None or landing_of(name) <= landing)
        return hashlib.sha256("\n".join(counted).encode()).hexdigest()

    @property
    def landing_numbers(self) -> list[int]:
        """The landing numbers, newest first."""
        return sorted({landing_of(name_of(path)) for path in (*self.users, *self.events)}, reverse=True)

    def bucket_ranges(self, buckets: int) -> Iterator[tuple[int, int]]:
        """First and last bucket of each share of the users whose history is about four periods of all users."""
        parts = 1 if self.periods is None or self.after_landing is not None else -(-len(self.periods) // 4)
        step = -(-buckets // parts)
        return ((first, min(first + step, buckets) - 1) for first in range(0, buckets, step))

    def arrived(self, paths: Sequence[str]) -> list[str]:
        """Those of `paths` that landed after `after_landing`."""
        return [path for path in paths if self.after_landing is None or landing_of(name_of(path)) > self.after_landing]

    @property
    def folder(self) -> str:
        """The folder that contains `users/` and `events/`."""
        return str(Path(self.users[0]).parent.parent)


def name_of(path: str) -> str:
    """The file name at the end of a raw file's path."""
    return path.rpartition("/")[2]


def landing_of(name: str) -> int:
    """The number of the landing that wrote a raw file."""
    return int(name.split("-", maxsplit=1)[0])


def raw_names(folder: Path) -> list[str]:
    """Names of the raw files in a folder, by landing; strings, since a year has hundreds of them."""
    return sorted(path.name for path in folder.glob("*.parquet"))


def counting(names: Sequence[str]) -> list[str]:
    """The names that no later landing replaces: the newest of each content or query."""
    return sorted({name.split("-")[2]: name for name in names}.values())
