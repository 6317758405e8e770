"""Where the pages of an account are in the console: below its name, or below `~` and its name where the console's own pages have it.

No account is given such a name any more; some were before the names were reserved. No account's name begins with `~`.
"""

from __future__ import annotations

from urllib.parse import quote

RESERVED = frozenset(("assets", "gallery", "signin", "signout", "static"))
"""Names that addresses of the console begin with, where the account's name stands in others."""

_MARK = "~"


def account_segment(account: str) -> str:
    """The segment of addresses below /console that stands for an account."""
    return f"{_MARK}{account}" if account in RESERVED else quote(account, safe="")


def account_base(account: str) -> str:
    """The address that all pages of an account are below, without a slash at its end."""
    return f"/console/{account_segment(account)}"


def account_of(segment: str) -> str:
    """The account that a segment (decoded already) stands for."""
    name = segment.removeprefix(_MARK)
    return name if name in RESERVED else segment
