"""How long to wait before a request is sent again: the server's Retry-After, else longer each time."""

from __future__ import annotations

from datetime import UTC, datetime

LONGEST_WAIT = 60.0
"""Seconds. A server that asks for more is not waited for: the person is told."""

RETRY_STATUS = frozenset((408, 429, 500, 502, 503, 504))


def backoff(attempt: int) -> float:
    """Seconds to wait after failure number `attempt` (from 0): a half, 1, 2, 4, then always 8."""
    return min(8.0, 0.5 * 2.0 ** min(attempt, 10))


def retry_after(value: str, now: float) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110, 10.2.3); None if it says nothing understandable."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    if not text:
        return None
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.fromtimestamp(now, UTC)).total_seconds())
