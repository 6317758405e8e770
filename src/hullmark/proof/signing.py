"""Private keys: PEM (RFC 7468; PKCS #8, SEC 1, PKCS #1) and the encrypted keys that `cosign generate-key-pair` writes.

cosign encrypts PKCS #8 with NaCl's secretbox under a key that scrypt derives (go-securesystemslib, encrypted). `cryptography` is
imported when a key is read, PyNaCl when one of cosign's is.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.proof.dsse import IN_TOTO, checked_key, need_library, pre_authentication, read_keys, write_envelope

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey

_COSIGN = re.compile(
    rb"-----BEGIN ENCRYPTED (?:SIGSTORE|COSIGN) PRIVATE KEY-----\s([A-Za-z0-9+/=\s]{1,16384})"
    rb"-----END ENCRYPTED (?:SIGSTORE|COSIGN) PRIVATE KEY-----"
)
_MOST_WORK = Limit(1 << 20, "rounds of scrypt that a password-protected key asks for", "refused")
_MOST_MEMORY = Limit(256 << 20, "bytes of memory that a password-protected key asks for", "refused")
_NEW_KEY = "make one: openssl ecparam -name prime256v1 -genkey -noout -out key.pem"
_NO_PASSWORD = "put its password into the environment variable HULLMARK_KEY_PASSWORD or COSIGN_PASSWORD"  # noqa: S105


class Signer(Protocol):
    """Signs on somebody's behalf: a key in a file, or a key that a key management service keeps.

    `fingerprint` is `sha256:HEX` over the public key in DER; `public` is the public key in PEM.
    """

    @property
    def fingerprint(self) -> str:
        """What the key is called."""

    @property
    def public(self) -> bytes:
        """The public key in PEM."""

    def sign(self, document: bytes) -> bytes:
        """The signature over the bytes, as `dsse.Key.has_signed` verifies it. Raises HullmarkError."""


class KeySigner:
    """Signs with a private key that is at hand."""

    def __init__(self, key: PrivateKey) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        self._key = key
        self.fingerprint = checked_key(key.public_key(), "the private key").fingerprint
        self.public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, document: bytes) -> bytes:
        """The signature: of ECDSA in DER with SHA-256, of RSA by PKCS #1 v1.5 with SHA-256."""
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.hashes import SHA256

        if isinstance(self._key, Ed25519PrivateKey):
            return self._key.sign(document)
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(document, PKCS1v15(), SHA256())
        return self._key.sign(document, ECDSA(SHA256()))


def signed_envelope(statement: bytes, signer: Signer) -> dict[str, object]:
    """An in-toto statement in a DSSE envelope, as its JSON has it. Raises HullmarkError unless the signature is the key's own."""
    document = pre_authentication(IN_TOTO, statement)
    signature = signer.sign(document)
    (key,) = read_keys(signer.public, "the signer's public key")[:1]
    if key.fingerprint != signer.fingerprint or not key.has_signed(document, signature):
        raise HullmarkError(
            "the signer answered with a signature that its public key does not verify",
            advice="check which key it signs with; ECDSA and RSA sign over SHA-256",
        )
    return write_envelope(IN_TOTO, statement, signature)


def read_signer(pem: bytes, password: bytes | None, what: str) -> KeySigner:
    """The private key in a PEM file, which `what` names. Raises HullmarkError if there is none that can be used."""
    need_library()
    encrypted = _COSIGN.search(pem)
    if encrypted is not None:
        if password is None:
            raise HullmarkError(f"the key in {what} has a password", advice=_NO_PASSWORD)
        return KeySigner(_check_private_key(_private_der(_decrypt_key(encrypted[1], password, what), what), what))
    return KeySigner(_check_private_key(_private_pem(pem, password, what), what))


def _check_private_key(key: Any, what: str) -> Any:
    checked_key(key.public_key(), what)
    return key


def _private_pem(pem: bytes, password: bytes | None, what: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    is_protected = b"ENCRYPTED" in pem
    if is_protected and not password:
        raise HullmarkError(f"the key in {what} has a password", advice=_NO_PASSWORD)
    try:
        return load_pem_private_key(pem, password if is_protected else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        wrong = "cannot be opened with this password" if is_protected else "holds no private key in PEM"
        raise HullmarkError(f"{what} {wrong}", advice=_NO_PASSWORD if is_protected else _NEW_KEY) from error


def _private_der(der: bytes, what: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        return load_der_private_key(der, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise HullmarkError(f"{what} holds no private key that can be used", advice=_NEW_KEY) from error


# cosign's own encryption


class _Params(msgspec.Struct):
    n: int = msgspec.field(name="N")
    r: int
    p: int


class _Derivation(msgspec.Struct):
    name: str
    params: _Params
    salt: bytes


class _Cipher(msgspec.Struct):
    name: str
    nonce: bytes


class _EncryptedKey(msgspec.Struct):
    kdf: _Derivation
    cipher: _Cipher
    ciphertext: bytes


def _decrypt_key(block: bytes, password: bytes, what: str) -> bytes:
    """PKCS #8 out of cosign's encryption."""
    try:
        from nacl.exceptions import CryptoError
        from nacl.secret import SecretBox
    except ImportError as error:
        raise HullmarkError(
            f"the key in {what} is encrypted as cosign does it, which needs PyNaCl",
            advice="pip install 'hullmark[cosign]', or sign with a PEM key that openssl made",
        ) from error
    try:
        encrypted = msgspec.json.decode(base64.b64decode(block), type=_EncryptedKey)
    except (ValueError, RecursionError) as error:
        raise HullmarkError(f"the encrypted key in {what} is damaged", advice="make it again") from error
    key = _derive_key(encrypted.kdf, password, what)
    if encrypted.cipher.name != "nacl/secretbox" or len(encrypted.cipher.nonce) != SecretBox.NONCE_SIZE:
        raise HullmarkError(f"the key in {what} is encrypted in an unknown way", advice=_NEW_KEY)
    try:
        return bytes(SecretBox(key).decrypt(encrypted.ciphertext, encrypted.cipher.nonce))
    except CryptoError as error:
        raise HullmarkError(f"{what} cannot be opened with this password", advice=_NO_PASSWORD) from error


def _derive_key(kdf: _Derivation, password: bytes, what: str) -> bytes:
    params = kdf.params
    is_bounded = 1 < params.n <= _MOST_WORK and 0 < params.r <= 64 and 0 < params.p <= 16
    if kdf.name != "scrypt" or not is_bounded or 128 * params.n * params.r > _MOST_MEMORY:
        raise HullmarkError(f"the key in {what} is protected in a way that is not taken", advice=_NEW_KEY)
    try:
        return hashlib.scrypt(
            password, salt=kdf.salt, n=params.n, r=params.r, p=params.p, maxmem=2 * _MOST_MEMORY, dklen=32
        )
    except ValueError as error:
        raise HullmarkError(f"the encrypted key in {what} is damaged", advice="make it again") from error
