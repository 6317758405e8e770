"""Certificates and private keys in files. Keys are reported, but never stored."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Certificate(msgspec.Struct, frozen=True, kw_only=True, tag="certificate"):
    """A certificate: the first 16 hex digits of its SHA-256 fingerprint, whom it names, when it is valid, how strong it is.

    `key` is rsa, ec, dsa or the algorithm's name, `bits` the key's size (0: fixed strength), `hash_name` the hash of its signature ("" if
    the algorithm has none of its own). `public` is the first 16 hex digits of the SHA-256 of its public key, "" if that cannot be read.
    """

    fingerprint: str
    name: str
    begins: datetime
    ends: datetime
    key: str
    bits: int
    hash_name: str
    is_self_signed: bool
    public: str = ""


class PrivateKey(msgspec.Struct, frozen=True, kw_only=True, tag="key"):
    """A private key. `key` and `bits` are as in Certificate; `key` is "" if it cannot be determined, as for most encrypted keys.

    `number` is its position among the parts of the file, from 1. `public` is as in Certificate: a key and a certificate belong together if
    it is equal. `password` is the one that opens it, "" if it needs none or none is known.
    """

    number: int
    is_encrypted: bool
    key: str = ""
    bits: int = 0
    public: str = ""
    password: str = ""


class KeyStore(msgspec.Struct, frozen=True, kw_only=True, tag="store"):
    """A key store with `keys` private keys. `password` is the well-known password that opens it: "" if it needs none, None if another
    password is needed. `format` is jks, jceks or pkcs12.
    """

    format: str
    keys: int
    password: str | None


class Unread(msgspec.Struct, frozen=True, tag="unread"):
    """A certificate, or something that may contain one, that cannot be read; `reason` is a clause. `may_be_key`: it may also contain a
    key.
    """

    reason: str
    may_be_key: bool = False


Item = Certificate | KeyStore | PrivateKey | Unread


class KeyFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file with certificates or keys, by its absolute path; for a file in an archive, as `/app/shop.war:WEB-INF/key.pem`.

    `is_ghost`: a later layer has deleted or replaced it.
    """

    path: str
    layer: int
    is_ghost: bool
    items: tuple[Item, ...]
