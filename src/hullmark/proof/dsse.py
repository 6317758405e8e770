"""DSSE 1.0: envelopes, and who signed what is in them (https://github.com/secure-systems-lab/dsse, protocol.md and envelope.md).

Keys are ECDSA on P-256 with SHA-256, which is what cosign makes, Ed25519, and RSA of 2048 to 8192 bits (RSASSA-PKCS1-v1_5 with SHA-256,
as cosign does it). `cryptography` is imported when a key is read.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    PublicKey = EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey

IN_TOTO = "application/vnd.in-toto+json"
"""The payload type of in-toto statements."""

KEY_LIMIT = Limit(1 << 16, "bytes of a file with public keys", "refused")
"""Bytes of a file with keys."""

_MAX_KEYS = Limit(16, "public keys in one file", "refused")
_MAX_SIGNATURES = Limit(16, "signatures of one attestation that are tried", "refused")
_LONGEST_HINT = Limit(512, "characters of what a signature says of its key", "shortened")
_LONGEST_SIGNATURE = Limit(4096, "characters of one signature", "refused")
_URL_SAFE = str.maketrans("-_", "+/")
_UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
_PUBLIC = re.compile(rb"-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]{1,4096}-----END PUBLIC KEY-----")
_RSA_BITS = range(2048, 8193)
_NEW_KEY = "ECDSA on P-256 (cosign generate-key-pair), Ed25519 (openssl genpkey -algorithm ed25519) and RSA can be used"


class Envelope(msgspec.Struct, frozen=True):
    """What was signed, decoded, and the signatures over it.

    `hints` are what the signatures say of their keys. They are not authenticated: good for a message, never for a decision.
    """

    payload_type: str
    payload: bytes
    signatures: tuple[bytes, ...]
    hints: tuple[str, ...] = ()

    @property
    def signed(self) -> bytes:
        """The bytes that the signatures are over."""
        return pre_authentication(self.payload_type, self.payload)


class _WireSignature(msgspec.Struct):
    sig: str = ""
    keyid: str | None = None


class _Wire(msgspec.Struct):
    payload_type: str = msgspec.field(name="payloadType")
    payload: str
    signatures: list[_WireSignature] = []


_WIRE = msgspec.json.Decoder(_Wire)


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding (PAE): type and payload, each with its length before it."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def read_envelope(body: bytes) -> Envelope:
    """The envelope in a JSON document. Raises ValueError if it is not valid."""
    try:
        wire = _WIRE.decode(body)
        payload = _decode_base64(wire.payload)
        wire.payload_type.encode()
    except _UNREADABLE as error:
        raise ValueError(f"it is not a DSSE envelope: {str(error)[:200]}") from error
    signatures = []
    for signature in wire.signatures[:_MAX_SIGNATURES]:
        try:
            signatures.append(_decode_base64(signature.sig[:_LONGEST_SIGNATURE]))
        except ValueError:
            continue  # an unreadable one matches no key
    hints = tuple(signature.keyid[:_LONGEST_HINT] for signature in wire.signatures[:_MAX_SIGNATURES] if signature.keyid)
    return Envelope(wire.payload_type, payload, tuple(signature for signature in signatures if signature), hints)


def write_envelope(payload_type: str, payload: bytes, signature: bytes) -> dict[str, object]:
    """An envelope with one signature, as its JSON has it. It names no key: cosign compares such a name with one of its own."""
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": payload_type,
        "signatures": [{"sig": base64.b64encode(signature).decode()}],
    }


def _decode_base64(text: str) -> bytes:
    """Standard or URL-safe base64: an envelope may use either. Raises ValueError."""
    try:
        return base64.b64decode(text.translate(_URL_SAFE), validate=True)
    except ValueError as error:
        raise ValueError("it holds what should be base64 and is not") from error


class Key:
    """A public key. `fingerprint` is `sha256:HEX` over it in DER."""

    def __init__(self, key: PublicKey) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.fingerprint = f"sha256:{hashlib.sha256(der).hexdigest()}"
        self._key = key

    def has_signed(self, document: bytes, signature: bytes) -> bool:
        """Whether the signature is this key's, over these bytes."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
        from cryptography.hazmat.primitives.hashes import SHA256

        try:
            if isinstance(self._key, Ed25519PublicKey):
                self._key.verify(signature, document)
            elif isinstance(self._key, RSAPublicKey):
                self._key.verify(signature, document, PKCS1v15(), SHA256())
            else:
                self._key.verify(signature, document, ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True

    def has_signed_digest(self, digest: bytes, signature: bytes) -> bool:
        """Whether the signature is this key's, over bytes with this SHA-256. Of Ed25519, which signs the bytes, nobody can tell: False."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
        from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
        from cryptography.hazmat.primitives.hashes import SHA256

        hashed = Prehashed(SHA256())
        if isinstance(self._key, Ed25519PublicKey) or len(digest) != SHA256.digest_size:
            return False
        try:
            if isinstance(self._key, RSAPublicKey):
                self._key.verify(signature, digest, PKCS1v15(), hashed)
            else:
                self._key.verify(signature, digest, ECDSA(hashed))
        except InvalidSignature:
            return False
        return True


def signer_of(envelope: Envelope, keys: Iterable[Key]) -> str:
    """The fingerprint of the first key that signed the envelope, "" if none did."""
    document = envelope.signed
    for key in keys:
        if any(key.has_signed(document, signature) for signature in envelope.signatures):
            return key.fingerprint
    return ""


def read_keys(pem: bytes, what: str) -> tuple[Key, ...]:
    """The public keys in a PEM file, which `what` names. Raises HullmarkError if there are none, or one cannot be used."""
    need_library()
    blocks = _PUBLIC.findall(pem[:KEY_LIMIT])
    if not blocks:
        wrong = "a private key, which is nobody's to verify with" if b"PRIVATE KEY-----" in pem else "no public key"
        raise HullmarkError(f"{what} holds {wrong}", advice="name the public half in PEM, as in cosign.pub")
    if len(blocks) > _MAX_KEYS:
        raise HullmarkError(f"{what} holds more than {_MAX_KEYS} keys", advice="name only those that are needed")
    return tuple(_key(block, what) for block in blocks)


def _key(block: bytes, what: str) -> Key:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(block)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise HullmarkError(f"a public key in {what} cannot be read", advice=_NEW_KEY) from error
    return checked_key(key, what)


def checked_key(key: object, what: str) -> Key:
    """A public key of the library as one of ours. Raises HullmarkError if it is of a kind that is not trusted."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    if isinstance(key, Ed25519PublicKey):
        return Key(key)
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return Key(key)
    if isinstance(key, RSAPublicKey) and key.key_size in _RSA_BITS:
        return Key(key)
    raise HullmarkError(f"a key in {what} is of another kind", advice=_NEW_KEY)


def need_library() -> None:
    """Raises HullmarkError where the library for signatures is not installed."""
    try:
        import cryptography  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise HullmarkError("signatures need the package cryptography", advice="pip install cryptography") from error
