"""Text with its secrets masked."""

from __future__ import annotations

from hullmark.facets.secrets.finder import Finder, Spot, Spots, own_finder, small_finder
from hullmark.facets.secrets.given import given
from hullmark.facets.secrets.kinds_files import OLD_HASH

MASK = b"****"

_ROUNDS = 8


def masked(body: bytes, name: str = "") -> bytes:
    """The body with each secret in it replaced by four stars. The text around it stays: names, addresses, kinds of hashes.

    `name` is the last segment of the file's path, which some kinds depend on. Masking twice changes nothing.
    """
    return _masked(own_finder(), body, name)


def masked_text(text: str) -> str:
    """The same for a line or two: a variable, a label, a build instruction."""
    raw = text.encode("utf-8", "surrogateescape")
    return _masked(small_finder(), raw, "").decode("utf-8", "surrogateescape")


def masked_instruction(text: str) -> str:
    """A build instruction, with values masked as well whose names say that they are secrets."""
    for _, start, value in reversed(list(given(text))):
        text = text[:start] + MASK.decode() + text[start + len(value) :]
    return masked_text(text)


def _masked(finder: Finder, body: bytes, name: str) -> bytes:
    for _ in range(_ROUNDS):
        # What is replaced may have kept its neighbour from being seen as what it is.
        spots = finder.find(body, name)
        changed = _replaced(body, spots)
        if changed == body:
            return body
        body = changed
    return MASK  # a text made so that every round brings out new ones


def _replaced(body: bytes, spots: Spots) -> bytes:
    pieces: list[bytes] = []
    at = 0
    for spot in spots.found:
        pieces += (body[at : spot.start], _mask(body, spot))
        at = spot.end
    # Where there are too many to find them all, what follows the last one is not to be kept.
    pieces.append(b"" if spots.is_cut else body[at:])
    return b"".join(pieces)


def _mask(body: bytes, spot: Spot) -> bytes:
    """Four stars; except for the oldest form of hashes, where stars would mean a locked account."""
    if spot.kind.id != OLD_HASH:
        return MASK
    first = b"_" if body.startswith(b"_", spot.start) else b"."
    return first + b"." * (spot.end - spot.start - 1)
