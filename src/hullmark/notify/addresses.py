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


HIDDEN_PART = "***"
"""Stands where a secret part of an address was."""

_NAMES = re.compile(
    r"token|secret|sig\b|signature|key|code|pass|auth|access|credential|jwt|hmac|hash|nonce", re.IGNORECASE
)
_HOOKS = (
    (re.compile(r"(^|\.)slack\.com$"), re.compile(r"^/(?:services|workflows|triggers)/")),
    (re.compile(r"(^|\.)discord(app)?\.com$"), re.compile(r"^/api/(?:v[0-9]+/)?webhooks/")),
    (re.compile(r"(^|\.)(webhook\.office|outlook\.office|office365)\.com$"), re.compile(r"^/webhook(?:b2)?/")),
    (re.compile(r"^api\.telegram\.org$"), re.compile(r"^/bot")),
    (re.compile(r"(^|\.)pipedream\.net$|^hook\.[a-z0-9.]*make\.com$|^hooks\.zapier\.com$"), re.compile(r"^/")),
)
"""Services whose addresses are secrets behind a prefix of the path: host and prefix."""

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_MIXED = re.compile(r"(?=[^0-9]*[0-9])(?=.*[A-Za-z])[A-Za-z0-9]+").fullmatch
_LETTERS = re.compile(r"(?=.*[a-z])(?=.+[A-Z].*[a-z])[A-Za-z]{20,}").fullmatch


def masked_address(url: str) -> str:
    """A web address as it may be shown: the values of a query that are secrets by their name or look like some, and parts of the path
    where services keep a secret, are `***`. Any other text stays as it is."""
    scheme, is_url, rest = url.partition("://")
    if not is_url or scheme.lower() not in ("http", "https"):
        return url
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    rest, has_fragment, fragment = rest[len(authority) :].partition("#")
    path, has_query, query = rest.partition("?")
    host = authority.rpartition("@")[2].partition(":")[0].lower()
    login = authority.rpartition("@")[0]
    shown = f"{scheme}://{authority.replace(login, HIDDEN_PART, 1) if login else authority}{_masked_path(host, path)}"
    if has_query:
        shown += "?" + re.sub(r"[^&;]+", lambda found: _masked_value(found[0]), query)
    return shown + (f"#{_masked_value(fragment)}" if has_fragment else "")


def _masked_path(host: str, path: str) -> str:
    for service, prefix in _HOOKS:
        if service.search(host) and (found := prefix.match(path)):
            hidden = re.sub(r"[^/]+", HIDDEN_PART, path[found.end() :])
            return found[0] + hidden
    parts = path.split("/")
    for place, part in enumerate(parts):
        # Mattermost and Rocket.Chat, on any host.
        if _is_secret(part) or (place and parts[place - 1] == "hooks" and len(part) > 12 and part.isalnum()):
            parts[place] = HIDDEN_PART
    return "/".join(parts)


def _masked_value(part: str) -> str:
    name, has_value, value = part.partition("=")
    if not has_value:
        return HIDDEN_PART if _is_secret(part) else part
    return f"{name}={HIDDEN_PART}" if value and (_NAMES.search(name) or _is_secret(value)) else part


def _is_secret(text: str) -> bool:
    """Whether a text looks like chance: a UUID, or a run of letters and digits that no word is."""
    if _UUID.search(text):
        return True
    return any(
        (len(word) >= 16 and _MIXED(word))
        or (len(word) >= 12 and _MIXED(word) and _is_of_two_cases(word))
        or _LETTERS(word)
        for word in re.split(r"[^A-Za-z0-9]+", text)
    )


def _is_of_two_cases(word: str) -> bool:
    return word.lower() != word != word.upper()
