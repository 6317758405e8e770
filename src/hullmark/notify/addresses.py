"""Web addresses in the settings of channels."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from hullmark.notify.channel import SECRET

_LOOPBACK = re.compile(r"http://(localhost|127\.[0-9.]+|\[::1\])(:[0-9]+)?(/|$)", re.IGNORECASE)

_PATTERN = r"^https?://[A-Za-z0-9\[][^\s\x00-\x20\x7f-\U0010ffff@\\]*$(?!\n)"

WebAddress = Annotated[str, msgspec.Meta(max_length=2000, pattern=_PATTERN)]
"""An address that begins with https:// or http://, without a login in it."""

SecretAddress = Annotated[str, msgspec.Meta(max_length=2000, pattern=_PATTERN, extra=SECRET)]
"""An address that anyone who knows it can send to."""


def check_encrypted(url: str) -> None:
    """Raises ValueError for an address that is not https, unless it is this machine's, where nobody can listen in."""
    if not url.lower().startswith("https://") and not _LOOPBACK.match(url):
        raise ValueError("the address must begin with https://, since whoever reads it on the way could send there too")


def host_of(url: str) -> str:
    """The host of an address, with its port: all that may be shown of it."""
    return url.partition("://")[2].partition("/")[0].partition("?")[0].partition("#")[0].rpartition("@")[2]
