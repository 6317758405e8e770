"""What dockerd asks its authorisation plugin → the call that is meant (Docker Engine, "Access authorization plugin").

The path is read as the daemon's router reads it: decoded once, with an optional version before it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import NamedTuple
from urllib.parse import parse_qs, unquote_to_bytes

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit

_LONGEST_ADDRESS = Limit(16 << 10, "characters of the address of a request to dockerd", "refused")
_MOST_PARAMETERS = Limit(200, "parameters of a request to dockerd", "refused")
_VERSION = re.compile(r"/v([0-9]{1,3})\.([0-9]{1,4})(?=/)").match
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})").search


class StrangeCall(HullmarkError):
    """A call that cannot be understood, and so cannot be judged."""


class EngineCall(NamedTuple):
    """A call to dockerd. `path` is decoded and without the version, which is (0, 0) where none is given.

    `body` is None where the daemon hands none over: there is none, it is not JSON, or it is too large.
    """

    method: str
    path: str
    version: tuple[int, int]
    query: dict[str, list[str]]
    body: bytes | None
    content_type: str
    content_length: str

    def value(self, name: str) -> str:
        """The first value of a parameter, as Go takes it; "" where there is none."""
        return self.query.get(name, [""])[0]


def read_call(message: bytes) -> EngineCall:
    """The call in a message of the daemon to `/AuthZPlugin.AuthZReq`. Raises StrangeCall."""
    try:
        told = json.loads(message)
        method, address = told["RequestMethod"], told["RequestUri"]
        headers = {name.lower(): value for name, value in (told.get("RequestHeaders") or {}).items()}
        body = base64.b64decode(told.get("RequestBody") or "", validate=True) or None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        raise _strange("the daemon's message has another form than the plugin's protocol") from error
    if (
        not isinstance(method, str)
        or not isinstance(address, str)
        or not all(isinstance(v, str) for v in headers.values())
    ):
        raise _strange("the daemon's message has another form than the plugin's protocol")
    raw_path, _, raw_query = address.partition("?")
    path, version = _path(address, raw_path)
    return EngineCall(
        method=method,
        path=path,
        version=version,
        query=_query(raw_query),
        body=body,
        content_type=headers.get("content-type", "").partition(";")[0].strip().lower(),
        content_length=headers.get("content-length", ""),
    )


def _path(address: str, raw: str) -> tuple[str, tuple[int, int]]:
    if len(address) > _LONGEST_ADDRESS:
        raise _strange("its address is too long")
    if not raw.startswith("/") or _BAD_ESCAPE(raw):
        raise _strange("its address is not a path")
    try:
        path = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError as error:
        raise _strange("its path is not text") from error
    if not path.isprintable() or "//" in path or any(part in (".", "..") for part in path.split("/")):
        raise _strange("its path is not in its shortest form")
    found = _VERSION(path)
    if found is None:
        return path, (0, 0)
    return path[found.end() :], (int(found[1]), int(found[2]))


def _query(raw: str) -> dict[str, list[str]]:
    try:
        return parse_qs(raw, keep_blank_values=True, errors="strict", max_num_fields=int(_MOST_PARAMETERS))
    except ValueError as error:
        raise _strange("its parameters cannot be read") from error


def _strange(reason: str) -> StrangeCall:
    return StrangeCall(f"the call cannot be judged: {reason}", advice="call dockerd as Docker's own client does")
