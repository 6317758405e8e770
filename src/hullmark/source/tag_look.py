"""Which image a tag names at its registry now: a HEAD that costs the registry next to nothing, or a GET where that is not answered.

Registries get as few requests as possible: with the ETag of the last answer, if they gave one (RFC 9110, 13.1.2).
"""

from __future__ import annotations

import msgspec

from hullmark.model.digest import digest_of, is_digest
from hullmark.model.limit import Limit
from hullmark.source.distribution import Session
from hullmark.source.manifest import ACCEPTED
from hullmark.source.source import RegistryUnwell

_ACCEPT = ", ".join(ACCEPTED)
_NO_HEAD = (400, 405, 501)
_LONGEST_ETAG = Limit(300, "characters of the mark by which a registry tells that a tag is unchanged", "shortened")
_LONGEST_WAIT = 3600.0


class TooOften(RegistryUnwell):
    """The registry wants fewer requests. `wait` is in seconds, 0.0 if it does not say."""

    wait: float = 0.0


class TagLook(msgspec.Struct, frozen=True):
    """What a registry says of a tag: the digest of its manifest or index, and an ETag for the next time ("": none).

    `is_same`: nothing changed since the ETag that was sent, and `digest` is "".
    """

    digest: str
    etag: str
    is_same: bool = False


def look_at_tag(session: Session, tag: str, etag: str = "") -> TagLook:
    """Ask for a tag, with the ETag of the last answer. Raises ImageNotFound, TooOften, RegistryUnwell, NetError, HullmarkError."""
    headers = {"Accept": _ACCEPT, **({"If-None-Match": etag} if etag else {})}
    streamed = session.open(f"manifests/{tag}", headers, "HEAD")
    streamed.close()
    given = _etag(streamed.headers.get("etag", ""))
    if streamed.status == 304:
        return TagLook("", etag, is_same=True)
    if streamed.status == 429:
        raise _too_often(session, streamed.headers.get("retry-after", ""))
    if streamed.status not in _NO_HEAD:
        session.check(streamed, f"{session.endpoint.repository}:{tag}")
        digest = streamed.headers.get("docker-content-digest", "").strip()
        if is_digest(digest):
            return TagLook(digest, given)
        if given and given == etag:
            return TagLook("", etag, is_same=True)
    return TagLook(digest_of(session.manifest(tag), "sha256"), given)


def _etag(text: str) -> str:
    return text if len(text) <= _LONGEST_ETAG and text.isascii() and text.isprintable() else ""


def _too_often(session: Session, wait: str) -> TooOften:
    error = TooOften(f"{session.endpoint.host} has had too many requests", advice="log in, or look less often")
    error.wait = min(float(wait), _LONGEST_WAIT) if wait.isascii() and wait.isdigit() and len(wait) < 10 else 0.0
    return error
