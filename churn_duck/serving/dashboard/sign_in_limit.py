"""Wrong tokens typed into the dashboard's form: whoever types many has to wait, longer each time, never for long."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from dataclasses import dataclass

from fastapi import Request

# a person's typing errors cost nothing
FREE = 10
LONGEST_SECONDS = 30
FORGOTTEN_SECONDS = 900
MOST_ADDRESSES = 1024


@dataclass(frozen=True)
class _Failed:
    times: int
    at: float

    @property
    def until(self) -> float:
        """When the next try counts; the exponent is capped, since a guesser does not stop."""
        over = self.times - FREE
        return self.at + (min(2 ** min(over, 10), LONGEST_SECONDS) if over >= 0 else 0)


class Attempts:
    """Failed sign-ins by address, of this process alone; the addresses that failed last are kept.

    A try that comes too early is not looked at and does not lengthen the wait: whoever shares the address of a guesser,
    as behind a proxy, waits half a minute at most for a try of his own.
    """

    def __init__(self) -> None:
        self._failed: OrderedDict[str, _Failed] = OrderedDict()

    def seconds_to_wait(self, address: str) -> int:
        """Whole seconds until a try from there is looked at; 0: now."""
        failed = self._recent(address)
        return 0 if failed is None else max(0, math.ceil(failed.until - time.monotonic()))

    def failed(self, address: str) -> None:
        """Count a wrong token."""
        before = self._recent(address)
        self._failed[address] = _Failed(before.times + 1 if before else 1, time.monotonic())
        self._failed.move_to_end(address)
        if len(self._failed) > MOST_ADDRESSES:
            self._failed.popitem(last=False)

    def forget(self, address: str) -> None:
        """Whoever knows the token may start anew."""
        self._failed.pop(address, None)

    def _recent(self, address: str) -> _Failed | None:
        failed = self._failed.get(address)
        return failed if failed and time.monotonic() - failed.at < FORGOTTEN_SECONDS else None


def address_of(request: Request) -> str:
    """Where a request comes from; of IPv6 the network, which one machine has all addresses of."""
    host = request.client.host if request.client else ""
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed.packed, 64), strict=False))
    return host
