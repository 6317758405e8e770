"""Certificates and private keys in files: PEM (RFC 7468), DER (X.509, PKCS #8), OpenSSH's and PuTTY's formats, key stores.

Keys are looked at for their kind, their strength and whether a password protects them. They are never kept or shown.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import warnings
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from hullmark.facets.certificates.ber import DamagedBer
from hullmark.facets.certificates.keystores import is_keystore, keystore_items
from hullmark.facets.certificates.pkcs12 import TooCostly, open_store
from hullmark.model.certificate import Certificate, Item, KeyStore, PrivateKey, Unread
from hullmark.model.guard import guard_call
from hullmark.model.limit import Limit

if TYPE_CHECKING:
    from cryptography import x509

MAX_BLOCKS = Limit(1000, "blocks in PEM of one file")
MAX_BLOCK_BYTES = Limit(64 << 10, "bytes of a block in PEM, or of a file in DER")

_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,60})-----")
_END = b"-----END "
_IN_BASE64 = base64.b64encode(b"-----BEGIN ")[:14]
_BASE64 = re.compile(re.escape(_IN_BASE64) + rb"[A-Za-z0-9+/]{20,}={0,2}")
_CERTIFICATES = frozenset(("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"))
_PKCS12 = re.compile(rb"\x30(?:\x80|[\x00-\x7f]|\x81.|\x82..|\x83...|\x84....)\x02\x01\x03\x30", re.DOTALL)
_SEQUENCE, _LONG_SEQUENCE = b"\x30", b"\x30\x83"  # with a length of three bytes
_OPENSSH = b"openssh-key-v1\0"
_OPEN_CIPHER = b"\0\0\0\x04none"


def items_in(body: bytes) -> Iterator[Item]:
    """All certificates and keys of a file, in order. A file that has none gives none. PEM may be written as a text in JSON or YAML: with
    line ends as `\\n`, or in base64 as a whole.
    """
    body = _written_out(body)
    starts = list(islice(_BEGIN.finditer(body), MAX_BLOCKS + 1))
    if len(starts) > MAX_BLOCKS:
        yield Unread(f"it holds more than {MAX_BLOCKS} parts", may_be_key=True)
    for number, start in enumerate(starts[:MAX_BLOCKS], 1):
        after = starts[number].start() if number < len(starts) else len(body)
        end = body.find(_END, start.end(), after)
        yield from _block(start[1].decode("ascii"), body[start.end() : end if end >= 0 else after], number)
    if starts:
        return
    if is_keystore(body):
        yield from keystore_items(body, _certificate, lambda der, number: _private_key("PRIVATE KEY", der, number))
    elif body.startswith(b"PuTTY-User-Key-File-"):
        yield PrivateKey(number=1, is_encrypted=b"\nEncryption: none" not in body[:500])
    elif _PKCS12.match(body):
        yield from _pkcs12(body)
    elif body.startswith(_SEQUENCE) and len(body) <= MAX_BLOCK_BYTES:
        yield from _der(body)
    elif body.startswith(_LONG_SEQUENCE):
        yield Unread(
            f"it is larger than the {MAX_BLOCK_BYTES >> 10} KiB that are read as a certificate or key", may_be_key=True
        )


def _written_out(body: bytes) -> bytes:
    """A file with PEM in it as it is, where it is written in a form for texts."""
    if _IN_BASE64[:8] in body and body[:1] != _SEQUENCE:
        body = _BASE64.sub(_decode_base64, body, count=MAX_BLOCKS)
    return body.replace(b"\\r", b"").replace(b"\\n", b"\n") if b"-----\\n" in body or b"-----\\r" in body else body


def _decode_base64(found: re.Match[bytes]) -> bytes:
    try:
        return base64.b64decode(found[0] + b"=" * (-len(found[0]) % 4), validate=True)
    except binascii.Error:
        return found[0]


def _block(label: str, text: bytes, number: int) -> Iterator[Item]:
    if label.endswith("PRIVATE KEY BLOCK"):
        yield PrivateKey(number=number, is_encrypted=False)  # OpenPGP says inside of it whether it is protected
        return
    is_key = label.endswith("PRIVATE KEY")
    if not is_key and label not in _CERTIFICATES:
        return
    if is_key and (label.startswith("ENCRYPTED") or b"ENCRYPTED" in text[:200]):
        yield PrivateKey(number=number, is_encrypted=True)
        return
    try:
        der = base64.b64decode(b"".join(text.split()), validate=True) if len(text) <= MAX_BLOCK_BYTES else b""
    except binascii.Error:
        der = b""
    if is_key:
        yield _private_key(label, der, number)
        if len(text) > MAX_BLOCK_BYTES:
            yield Unread("how strong a key in it is is not known: it is too long")
    elif der:
        yield _certificate(der)
    else:
        yield Unread("a certificate in it is damaged")


def _der(body: bytes) -> Iterator[Item]:
    read = _certificate(body)
    if not isinstance(read, Unread):
        yield read
        return
    key = _private_key("PRIVATE KEY", body, 1)
    if key.key or key.is_encrypted:
        yield key


def _pkcs12(body: bytes) -> Iterator[Item]:
    """A PKCS #12 file (RFC 7292): what it shows without a password, or with the one that all of Java's tools begin with."""
    try:
        opened = open_store(body)
    except TooCostly:
        yield Unread("it asks for more work to open it than any program that makes such files", may_be_key=True)
        return
    except DamagedBer:
        yield Unread("it is a key store that was cut short or is damaged", may_be_key=True)
        return
    if opened is None:
        yield KeyStore(format="pkcs12", keys=1, password=None)
        yield PrivateKey(number=1, is_encrypted=True)
        return
    yield KeyStore(format="pkcs12", keys=opened.keys, password=opened.password)
    for number in range(1, opened.keys + 1):
        is_read = number == 1 and opened.key is not None
        told = _describe_key(opened.key.public_key()) if is_read else {}
        yield PrivateKey(number=number, is_encrypted=False, password=opened.password, **told)
    yield from map(_certificate, opened.certificates)
    if opened.has_more:
        yield Unread("it holds more than certificates in a part that is encrypted", may_be_key=True)


def _private_key(label: str, der: bytes, number: int) -> PrivateKey:
    """A key without a password, as far as it can be read: the label alone makes it a key."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_ssh_private_key

    public: Any
    try:
        if label.startswith("OPENSSH"):
            if der.startswith(_OPENSSH) and not der.startswith(_OPENSSH + _OPEN_CIPHER):
                return PrivateKey(number=number, is_encrypted=True)
            pem = b"-----BEGIN OPENSSH PRIVATE KEY-----\n%s-----END OPENSSH PRIVATE KEY-----\n" % base64.encodebytes(
                der
            )
            public = load_ssh_private_key(pem, None, unsafe_skip_rsa_key_validation=True).public_key()
        else:
            public = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True).public_key()
    except TypeError:
        return PrivateKey(number=number, is_encrypted=True)
    except (ValueError, UnsupportedAlgorithm):
        return PrivateKey(number=number, is_encrypted=False)
    return PrivateKey(number=number, is_encrypted=False, **_describe_key(public))


def _certificate(der: bytes) -> Certificate | Unread:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # certificates that are odd but readable are none of the user's business

        def certificate() -> Certificate | Unread:
            read = x509.load_der_x509_certificate(der)
            return Certificate(
                fingerprint=read.fingerprint(hashes.SHA256()).hex()[:16],
                name=_name_of(read),
                begins=read.not_valid_before_utc,
                ends=read.not_valid_after_utc,
                is_self_signed=read.subject == read.issuer,
                **_algorithms(read),
            )

        return guard_call(
            certificate, lambda error: Unread(f"a certificate in it cannot be read ({type(error).__name__})")
        )


def _name_of(read: x509.Certificate) -> str:
    return read.subject.rfc4514_string()[:100] or f"serial number {read.serial_number:x}"[:60]


def _algorithms(read: x509.Certificate) -> dict[str, Any]:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        hashed = read.signature_hash_algorithm
        hash_name = hashed.name if hashed is not None else ""
    except UnsupportedAlgorithm:
        # MD2 and MD4 are so old that the library has forgotten them.
        hash_name = "unknown"
    try:
        told = _describe_key(read.public_key())
    except (ValueError, UnsupportedAlgorithm):
        told = {"key": "unknown", "bits": 0}
    return {**told, "hash_name": hash_name}


def _describe_key(public: Any) -> dict[str, Any]:
    """A public key's family, size, and the digest that it shares with its private key and its certificates."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key, bits = _strength(public)
    try:
        written = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (AttributeError, TypeError, ValueError, UnsupportedAlgorithm):
        written = b""  # the library has no such form for the kind of key
    return {"key": key, "bits": bits, "public": hashlib.sha256(written).hexdigest()[:16] if written else ""}


def _strength(public: Any) -> tuple[str, int]:
    """The family of a public key, and its size in bits."""
    from cryptography.hazmat.primitives.asymmetric.dsa import DSAPublicKey
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    families = ((RSAPublicKey, "rsa"), (EllipticCurvePublicKey, "ec"), (DSAPublicKey, "dsa"))
    family = next((name for kind, name in families if isinstance(public, kind)), "")
    if family:
        return family, int(public.key_size)
    return type(public).__name__.removesuffix("PublicKey").lstrip("_").lower(), 0
