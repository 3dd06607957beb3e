"""Rate limit on wrong tokens in the sign-in form: the wait grows with each failure, up to a cap."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from dataclasses import dataclass

from fastapi import Request

# typing errors have no cost
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
        """When the next attempt is accepted; the exponent is capped, since failures may go on forever."""
        over = self.times - FREE
        return self.at + (min(2 ** min(over, 10), LONGEST_SECONDS) if over >= 0 else 0)


class Attempts:
    """Failed sign-ins by address, for this process only; the most recent addresses are kept.

    An attempt that comes too early is ignored and does not lengthen the wait: someone who shares an address with an
    attacker, as behind a proxy, waits half a minute at most.
    """

    def __init__(self) -> None:
        self._failed: OrderedDict[str, _Failed] = OrderedDict()

    def seconds_to_wait(self, address: str) -> int:
        """Whole seconds until an attempt from the address is accepted; 0: now."""
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
        """Reset the address after a successful sign-in."""
        self._failed.pop(address, None)

    def _recent(self, address: str) -> _Failed | None:
        failed = self._failed.get(address)
        return failed if failed and time.monotonic() - failed.at < FORGOTTEN_SECONDS else None


def address_of(request: Request) -> str:
    """Returns the address of a request; of IPv6 the /64 network, since one machine may hold all of its addresses."""
    host = request.client.host if request.client else ""
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed.packed, 64), strict=False))
    return host
