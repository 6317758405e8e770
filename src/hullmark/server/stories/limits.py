"""How often somebody may ask: token buckets in this process's memory, one for each who asks."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

_MOST = 20_000


class TokenBuckets:
    """Buckets that hold `burst` requests and fill with `rate` a minute (0: no limit). The longest unused are forgotten."""

    def __init__(self, rate: float, burst: float, most: int = _MOST) -> None:
        self._rate = rate / 60.0
        self._burst = burst
        self._most = most
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str, now: float) -> float:
        """Take one. Answers 0.0, or how many seconds until there is one again (`now`: seconds of a clock that never goes back)."""
        if not self._rate:
            return 0.0
        left = self._now_left(who, now)
        granted = left >= 1.0
        self._keep(who, left - 1.0 if granted else left, now)
        return 0.0 if granted else (1.0 - left) / self._rate

    def wait(self, who: str, now: float) -> float:
        """The same without taking anything."""
        if not self._rate:
            return 0.0
        left = self._now_left(who, now)
        return 0.0 if left >= 1.0 else (1.0 - left) / self._rate

    def _now_left(self, who: str, now: float) -> float:
        left, then = self._left.get(who, (self._burst, now))
        return min(self._burst, left + max(0.0, now - then) * self._rate)

    def _keep(self, who: str, left: float, now: float) -> None:
        self._left[who] = (left, now)
        self._left.move_to_end(who)
        while len(self._left) > self._most:
            self._left.popitem(last=False)


def network_of(address: str) -> str:
    """What counts as one asker: an IPv4 address, the /64 of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:100]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)
