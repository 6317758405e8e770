"""Certificates and private keys in files. Keys are reported, and never kept."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Certificate(msgspec.Struct, frozen=True, kw_only=True, tag="certificate"):
    """A certificate: the first 16 hex digits of its SHA-256 fingerprint, whom it names, when it is valid, how strong it is.

    `key` is rsa, ec, dsa or the algorithm's name, `bits` the key's size (0: of fixed strength), `hash_name` that of its signature
    ("" where the algorithm has none of its own).
    """

    fingerprint: str
    name: str
    begins: datetime
    ends: datetime
    key: str
    bits: int
    hash_name: str
    is_self_signed: bool


class PrivateKey(msgspec.Struct, frozen=True, kw_only=True, tag="key"):
    """A private key. `key` and `bits` are as in Certificate, `key` is "" where it cannot be told, as of most encrypted keys.

    `number` is its place among the parts of the file, from 1.
    """

    number: int
    is_encrypted: bool
    key: str = ""
    bits: int = 0


class Unread(msgspec.Struct, frozen=True, tag="unread"):
    """A certificate, or what may hold one, that cannot be read; `reason` is a clause. `may_be_key`: it may as well hold a key."""

    reason: str
    may_be_key: bool = False


Item = Certificate | PrivateKey | Unread


class KeyFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that holds certificates or keys, by its absolute path. `is_ghost`: a later layer has deleted or replaced it."""

    path: str
    layer: int
    is_ghost: bool
    items: tuple[Item, ...]
