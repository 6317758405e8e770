"""Digests as the OCI image specification writes them: `sha256:` or `sha512:` and lower-case hex."""

from __future__ import annotations

import hashlib
import re

from hullmark.model.errors import BrokenImage

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}").fullmatch


def is_digest(text: str) -> bool:
    """Whether the text is a digest with a trusted algorithm."""
    return _DIGEST(text) is not None


def checked_digest(text: str, what: str) -> str:
    """The text, if it is a valid digest. Raises BrokenImage if it is not."""
    if not is_digest(text):
        raise BrokenImage(
            f"{what} has the digest {text[:100]!r}, which is not sha256 or sha512",
            advice="build the image with a current tool",
        )
    return text


def digest_of(body: bytes, algorithm: str = "sha256") -> str:
    """The digest of some bytes."""
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"


def verify(body: bytes, digest: str, what: str) -> None:
    """Raises BrokenImage unless the bytes have this (well-formed) digest."""
    if digest_of(body, digest.partition(":")[0]) != digest:
        raise BrokenImage(f"{what} does not have the digest {digest}", advice="fetch or build the image again")
