"""The certificates and keys of a file, without what only says how they belong together."""

from __future__ import annotations

from msgspec.structs import replace

from hullmark.facets.certificates.items import items_in
from hullmark.model.certificate import Certificate, KeyStore, PrivateKey, Unread


def plain_items(body: bytes) -> list[Certificate | PrivateKey | Unread]:
    """All items but key stores as wholes, without the digests of public keys and the passwords of private ones."""
    return [_plain(item) for item in items_in(body) if not isinstance(item, KeyStore)]


def _plain(item: Certificate | PrivateKey | Unread) -> Certificate | PrivateKey | Unread:
    if isinstance(item, PrivateKey):
        return replace(item, public="", password="")
    return replace(item, public="") if isinstance(item, Certificate) else item
