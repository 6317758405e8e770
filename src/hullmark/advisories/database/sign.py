"""Signatures: Ed25519 (RFC 8032) over a document's bytes; keys in PEM (RFC 8410), as openssl writes them.

A signature file has a line for each signature, in base64: with one line it is what `cosign verify-blob --signature` reads.
`cryptography` is imported when something is signed or verified.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SIGNATURE_LIMIT = Limit(4096, "bytes of the signatures of a snapshot", "refused")
"""Bytes of a signature file."""

_MAX_SIGNATURES = Limit(8, "signatures of a snapshot that are tried", "refused")
_KEY_FILE_LIMIT = Limit(1 << 16, "bytes of a file with a trusted key", "refused")
_MAX_KEY_FILES = Limit(100, "files with trusted keys", "refused")
_KEY_ENDINGS = (".pem", ".pub")
_PUBLIC = re.compile(rb"-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]{1,4096}-----END PUBLIC KEY-----")
_NEW_KEY = "make one: openssl genpkey -algorithm ed25519 -out key.pem"
_NEW_PUBLIC = "take the public half: openssl pkey -in key.pem -pubout -out key.pub"
_UNSIGNED = "get it from who you trust, or allow what is unsigned"


class NotSigned(HullmarkError):
    """Nobody who is trusted signed it."""


def sign(document: bytes, key: Path) -> bytes:
    """The signature file of a document. `key` is a private key without a passphrase. Raises HullmarkError for any other text."""
    _need_library()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(_read(key), None)
    except TypeError as error:
        raise HullmarkError(
            f"the key {key} has a passphrase", advice="sign with a key without: openssl pkey -in KEY -out PLAIN"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise HullmarkError(f"{key} holds no private key in PEM", advice=_NEW_KEY) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise HullmarkError(f"the key {key} is not for Ed25519", advice=_NEW_KEY)
    return base64.b64encode(private.sign(document)) + b"\n"


def verify(document: bytes, signature: bytes, trusted: Path) -> str:
    """The fingerprint of the trusted key that signed a document.

    `trusted` is a file with public keys, or a folder of such (*.pem, *.pub). Raises HullmarkError if the document is
    unsigned, if nobody who is trusted signed it, or if the keys cannot be read.
    """
    _need_library()
    from cryptography.exceptions import InvalidSignature

    keys = _trusted_keys(trusted)
    given = _signatures(signature)
    if not given:
        raise NotSigned("it is not signed", advice=_UNSIGNED)
    for key in keys:
        for candidate in given:
            try:
                key.verify(candidate, document)
            except InvalidSignature:
                continue
            return _fingerprint(key)
    raise NotSigned(
        "its signature is by none of the trusted keys, or it was changed after it was signed", advice=_UNSIGNED
    )


def _fingerprint(key: Ed25519PublicKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"sha256:{hashlib.sha256(der).hexdigest()}"


def _signatures(text: bytes) -> list[bytes]:
    """What could be signatures in a signature file; other lines are nobody's."""
    found = []
    for line in text[:SIGNATURE_LIMIT].splitlines()[:_MAX_SIGNATURES]:
        try:
            found.append(base64.b64decode(line, validate=True))
        except binascii.Error:
            continue
    return [signature for signature in found if signature]


def _trusted_keys(trusted: Path) -> list[Ed25519PublicKey]:
    files = [trusted]
    if trusted.is_dir():
        files = sorted(path for path in trusted.iterdir() if path.suffix in _KEY_ENDINGS)[:_MAX_KEY_FILES]
    keys = [key for file in files for key in _keys_in(file)]
    if not keys:
        raise HullmarkError(f"{trusted} holds no keys", advice="put public keys there, as *.pem or *.pub")
    return keys


def _keys_in(file: Path) -> list[Ed25519PublicKey]:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    text = _read(file)
    blocks = _PUBLIC.findall(text)
    if not blocks:
        what = "a private key, which is nobody's to verify with" if b"PRIVATE KEY-----" in text else "no public key"
        raise HullmarkError(f"{file} holds {what}", advice=_NEW_PUBLIC)
    keys = []
    for block in blocks:
        try:
            key = load_pem_public_key(block)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise HullmarkError(f"a public key in {file} cannot be read", advice=_NEW_PUBLIC) from error
        if not isinstance(key, Ed25519PublicKey):
            raise HullmarkError(f"a key in {file} is not for Ed25519", advice=_NEW_KEY)
        keys.append(key)
    return keys


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(_KEY_FILE_LIMIT)
    except OSError as error:
        raise HullmarkError(f"the key {file} cannot be read ({error.strerror})", advice="check the path") from error


def _need_library() -> None:
    try:
        import cryptography  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise HullmarkError("signatures need the package cryptography", advice="pip install cryptography") from error
