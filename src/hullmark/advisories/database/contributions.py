"""What each feed gave to a snapshot, kept beside it, so that the next one is made of it wherever a feed's records are the same.

A ledger is kept as msgpack behind the sha256 of that. It is believed only for the snapshot that it names, and only of the same code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from hullmark.advisories.database.schema import FeedInfo
from hullmark.model.advisory import Record
from hullmark.model.limit import Limit

MAX_LEDGER = Limit(1 << 30, "bytes of what is kept of how a snapshot was made", "refused")
_DIGEST_SIZE = hashlib.sha256().digest_size

Key = tuple[str, str]
"""Namespace and name of a package."""


class Source(NamedTuple):
    """A feed to make a snapshot of: what it says of itself, a name for its records (equal for equal ones only), and how to read them."""

    info: FeedInfo
    digest: str
    records: Callable[[], Iterable[Record]]


class Extent(msgspec.Struct, frozen=True, array_like=True):
    """Of one namespace in a feed: how many advisories speak of it, and the youngest date of these (ISO 8601)."""

    namespace: str
    advisories: int
    data_at: str


class Contribution(msgspec.Struct, frozen=True, kw_only=True):
    """What one feed gave. `digest` names its records (see `Source`), `count` says how many they are.

    `overrides` is the feed that it replaces the word of. `days`: all days that they speak of; `packages`: in the order in which they are
    first spoken of, as they are numbered; `tables`: those to which it gave rows that do not say which feed they come from.
    """

    name: str
    digest: str
    overrides: str
    count: int
    days: tuple[str, ...]
    extents: tuple[Extent, ...]
    packages: tuple[Key, ...]
    tables: tuple[str, ...]


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """How a snapshot was made: by which code (a fingerprint), its digest, and what each feed gave, in their order."""

    code: str
    snapshot: str
    contributions: tuple[Contribution, ...]

    @property
    def feeds(self) -> list[Key]:
        """Each feed's name, and whom it overrides."""
        return [(contribution.name, contribution.overrides) for contribution in self.contributions]


def encode_ledger(ledger: Ledger) -> bytes:
    """The bytes to keep."""
    body = msgspec.msgpack.encode(ledger)
    return hashlib.sha256(body).digest() + body


def decode_ledger(kept: bytes) -> Ledger | None:
    """The ledger that was kept; None if it is damaged, or of another make."""
    body = memoryview(kept)[_DIGEST_SIZE:]
    if hashlib.sha256(body).digest() != kept[:_DIGEST_SIZE]:
        return None
    try:
        return msgspec.msgpack.decode(body, type=Ledger)
    except msgspec.MsgspecError:
        return None
