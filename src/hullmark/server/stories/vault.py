"""What the server encrypts and signs by: keys derived from one secret, each for its purpose."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hullmark.model.errors import HullmarkError

_SIZE = 32
_NONCE = 12


class Vault:
    """Encrypts with AES-256-GCM, each text bound to its context; the keys are derived by HKDF (RFC 5869).

    Several secrets may be given, the newest first: it encrypts, and all of them decrypt, so that a secret can be replaced.
    """

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        """Raises HullmarkError for a secret that is too short."""
        if not keys or any(len(key) < _SIZE for key in keys):
            raise HullmarkError("the server's secret key is too short", advice=f"give at least {_SIZE} random bytes")
        self._keys = keys

    def derived(self, purpose: str) -> bytes:
        """32 bytes that only this purpose uses, of the newest secret."""
        return _derive_key(self._keys[0], purpose)

    def encrypt(self, text: str, context: str) -> bytes:
        """The text, readable with the same context only."""
        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(_derive_key(self._keys[0], "encrypt")).encrypt(nonce, text.encode(), context.encode())

    def decrypt(self, sealed: bytes, context: str) -> str:
        """What was encrypted. Raises HullmarkError if it was by another key, for another context, or is damaged."""
        for key in self._keys:
            try:
                body = AESGCM(_derive_key(key, "encrypt")).decrypt(sealed[:_NONCE], sealed[_NONCE:], context.encode())
                return body.decode()
            except (InvalidTag, ValueError):
                continue
        raise HullmarkError("a stored secret cannot be decrypted", advice="give the secret key that it was stored with")


def _derive_key(key: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=_SIZE, salt=None, info=f"hullmark/{purpose}".encode()).derive(key)


def open_vault(path: Path) -> Vault:
    """The vault of the secrets in a file, base64, a line each. A missing file is made, readable by its owner only. Raises HullmarkError."""
    try:
        _make(path)
        lines = path.read_text(encoding="ascii").split()
        return Vault(tuple(base64.b64decode(line, validate=True) for line in lines))
    except (OSError, ValueError) as error:
        raise HullmarkError(
            f"the secret key in {path} cannot be read: {error}", advice="restore it from the backup"
        ) from error


def _make(path: Path) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.touch(mode=0o600)
    beside.write_bytes(base64.b64encode(secrets.token_bytes(_SIZE)) + b"\n")
    try:
        os.link(beside, path)  # not replaced: of two processes that start at the same time, one key counts
    except FileExistsError:
        pass
    finally:
        beside.unlink()
