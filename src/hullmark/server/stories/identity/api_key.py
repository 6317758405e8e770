"""API keys as people hold them: `hmk_`, eight letters that name it, `_`, and forty that are the secret, six of them a checksum."""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib

import msgspec

KEY_START = "hmk_"
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_NAMING, _RANDOM, _CHECKING = 8, 34, 6
_SHAPE = re.compile(r"hmk_[0-9A-Za-z]{8}_[0-9A-Za-z]{40}").fullmatch


class NewSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A key: shown once, `digest` kept; `prefix` distinguishes keys."""

    key: str
    prefix: str
    digest: bytes

    def __repr__(self) -> str:
        return f"NewSecret({self.prefix}…)"


def new_key() -> NewSecret:
    """A new key, of 202 random bits."""
    prefix = _random(_NAMING)
    body = f"{KEY_START}{prefix}_{_random(_RANDOM)}"
    key = body + _checksum(body)
    return NewSecret(key=key, prefix=f"{KEY_START}{prefix}", digest=digest_of_key(key))


def is_key(text: str) -> bool:
    """Whether a text has a key's form and its checksum; scanners and typing errors are rejected without a query to the
    database."""
    return _SHAPE(text) is not None and text[-_CHECKING:] == _checksum(text[:-_CHECKING])


def digest_of_key(key: str) -> bytes:
    """What is kept of a key: SHA-256, since it is too long to be guessed."""
    return hashlib.sha256(key.encode()).digest()


def _random(letters: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(letters))


def _checksum(body: str) -> str:
    number, letters = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKING):
        number, rest = divmod(number, len(_LETTERS))
        letters = _LETTERS[rest] + letters
    return letters
