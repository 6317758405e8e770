"""What a form of a page sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Request

from hullmark.model.limit import Limit

_LONGEST = Limit(100_000, "letters of a field of a form", "shortened")


async def fields_of(request: Request[Any, Any, Any], names: Sequence[str]) -> dict[str, str]:
    """The texts of these fields, "" for one that was not sent, without blanks around them and with one kind of line break."""
    sent = await request.form()
    found = {}
    for name in names:
        value = sent.get(name, "")
        text = value if isinstance(value, str) else ""
        found[name] = text[: int(_LONGEST)].replace("\r\n", "\n").replace("\0", "").strip()
    return found


def moment_text(moment: datetime) -> str:
    """A moment for a field of the kind datetime-local, which the page says is UTC: the next whole hour."""
    whole = moment.astimezone(UTC) + timedelta(minutes=59)
    return whole.strftime("%Y-%m-%dT%H:00")
