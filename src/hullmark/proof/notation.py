"""Signatures of the Notary Project in JWS envelopes (notaryproject/specifications: signature-envelope-jws.md, signature-specification.md).

A chain counts if it leads to a trusted certificate. Timestamps and revocation are not checked, so a certificate counts only while it is
valid. A signature with critical attributes that are not known here cannot be checked.
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.guard import guard_call
from hullmark.model.limit import Limit
from hullmark.proof.dsse import need_library

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_LAST_YEAR = 9999
_MOST_CERTIFICATES = Limit(16, "certificates of a signature's chain, or trusted authorities", "refused")
PEM_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]{1,16384}-----END CERTIFICATE-----")
_PAYLOAD = "application/vnd.cncf.notary.payload.v1+json"
_SCHEME, _EXPIRY, _TIME = (f"io.cncf.notary.{name}" for name in ("signingScheme", "expiry", "signingTime"))
_KNOWN = frozenset((_SCHEME, _EXPIRY, "io.cncf.notary.authenticSigningTime"))
_HASHES = {"256": "SHA256", "384": "SHA384", "512": "SHA512"}


class Certificates:
    """Certificates of authorities that are trusted."""

    def __init__(self, certificates: tuple[Certificate, ...]) -> None:
        self._by_bytes = {_fingerprint(certificate): certificate for certificate in certificates}

    def authority_of(self, chain: tuple[Certificate, ...]) -> str:
        """The fingerprint of the trusted certificate that a chain leads to, which is in it; "" for none."""
        return next((name for name in map(_fingerprint, chain) if name in self._by_bytes), "")


class SignedTarget(msgspec.Struct, frozen=True):
    """What was signed, by its digest, and the fingerprint of the authority that vouches for the signer."""

    digest: str
    authority: str


class _Header(msgspec.Struct):
    x5c: tuple[str, ...]


class _Envelope(msgspec.Struct):
    payload: str
    protected: str
    header: _Header
    signature: str


class _ProtectedHeader(msgspec.Struct):
    alg: str
    cty: str = ""
    crit: tuple[str, ...] = ()
    scheme: str = msgspec.field(name=_SCHEME, default="")
    expiry: str = msgspec.field(name=_EXPIRY, default="")


class _Artifact(msgspec.Struct):
    digest: str


class _Payload(msgspec.Struct, rename="camel"):
    target_artifact: _Artifact


def read_certificates(pem: bytes, what: str) -> Certificates:
    """The certificates in a PEM file, which `what` names. Raises HullmarkError if there are none."""
    need_library()
    from cryptography.x509 import load_pem_x509_certificate

    blocks = PEM_CERTIFICATE.findall(pem)
    if not blocks or len(blocks) > _MOST_CERTIFICATES:
        raise HullmarkError(
            f"{what} holds {len(blocks)} certificates", advice="name the certificates of authorities in PEM"
        )
    try:
        return Certificates(tuple(map(load_pem_x509_certificate, blocks)))
    except ValueError as error:
        raise HullmarkError(f"a certificate in {what} cannot be read", advice="name certificates in PEM") from error


def verified_target(body: bytes, trusted: Certificates, now: datetime) -> SignedTarget | None:
    """What a signature is about, None if no trusted authority vouches for its signer.

    Raises ValueError if it cannot be checked, or is wrong.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.x509 import DuplicateExtension

    try:
        envelope = msgspec.json.decode(body, type=_Envelope)
        protected = msgspec.json.decode(_from_url(envelope.protected), type=_ProtectedHeader)
        payload = msgspec.json.decode(_from_url(envelope.payload), type=_Payload)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not a signature of the Notary Project: {str(error)[:200]}") from error
    unknown = sorted(set(protected.crit) - _KNOWN)
    if unknown or protected.cty != _PAYLOAD or protected.scheme != "notary.x509":
        raise ValueError(f"it has what cannot be checked: {(unknown or [protected.scheme or protected.cty])[0][:100]}")
    try:
        return _verify_envelope(envelope, protected, payload, trusted, now)
    except (DuplicateExtension, UnsupportedAlgorithm) as error:
        raise ValueError(f"its certificates cannot be checked: {str(error)[:200]}") from error


def deadlines_of(body: bytes) -> tuple[datetime, ...]:
    """When a signature begins or ends to count: its own end, and those of its certificates, from and to. None of what cannot be read."""
    try:
        envelope = msgspec.json.decode(body, type=_Envelope)
        protected = msgspec.json.decode(_from_url(envelope.protected), type=_ProtectedHeader)
        chain = _chain(envelope.header.x5c)
        ends = (datetime.fromisoformat(protected.expiry).astimezone(UTC),) if protected.expiry else ()
        # A certificate is still valid at its last moment; one that ends in the last year that dates can have never ends.
        lasts = (one.not_valid_after_utc for one in chain)
        after = (last + timedelta(microseconds=1) for last in lasts if last.year < _LAST_YEAR)
        return (*ends, *(one.not_valid_before_utc for one in chain), *after)
    except (ValueError, OverflowError, RecursionError):
        return ()


def _verify_envelope(
    envelope: _Envelope, protected: _ProtectedHeader, payload: _Payload, trusted: Certificates, now: datetime
) -> SignedTarget | None:
    chain = _chain(envelope.header.x5c)
    authority = trusted.authority_of(chain)
    if not authority:
        return None
    _check_chain(chain, now)
    if protected.expiry and now >= datetime.fromisoformat(protected.expiry).astimezone(UTC):
        raise ValueError("the signature has expired")
    signed = f"{envelope.protected}.{envelope.payload}".encode()
    if not _has_signed(chain[0].public_key(), protected.alg, signed, _from_url(envelope.signature)):
        raise ValueError("its signature does not fit")
    return SignedTarget(payload.target_artifact.digest, authority)


def _from_url(text: str) -> bytes:
    return base64.b64decode(text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4), validate=True)


def _fingerprint(certificate: Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return f"sha256:{hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()}"


def _chain(encoded: tuple[str, ...]) -> tuple[Certificate, ...]:
    from cryptography.x509 import load_der_x509_certificate

    if not 1 <= len(encoded) <= _MOST_CERTIFICATES:
        raise ValueError(f"its chain has {len(encoded)} certificates")
    bodies = tuple(base64.b64decode(text, validate=True) for text in encoded)

    def raise_damage(error: Exception) -> tuple[Certificate, ...]:
        raise ValueError(f"a certificate of its chain cannot be read: {str(error)[:100]}") from error

    return guard_call(lambda: tuple(map(load_der_x509_certificate, bodies)), raise_damage)


def _check_chain(chain: tuple[Certificate, ...], now: datetime) -> None:
    """Each certificate is valid now and issued by the next; all but the first are authorities, the first is for signing code."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.x509 import BasicConstraints, ExtendedKeyUsage, ExtensionNotFound, KeyUsage
    from cryptography.x509.oid import ExtendedKeyUsageOID

    for place, certificate in enumerate(chain):
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise ValueError("a certificate of its chain is not valid now")
        issuer = chain[min(place + 1, len(chain) - 1)]
        try:
            certificate.verify_directly_issued_by(issuer)
            is_authority = certificate.extensions.get_extension_for_class(BasicConstraints).value.ca
        except ExtensionNotFound:
            is_authority = False
        except (InvalidSignature, TypeError, ValueError) as error:
            raise ValueError("a certificate of its chain is not issued by the next one") from error
        if is_authority is not (place > 0) and len(chain) > 1:
            raise ValueError("its chain has a certificate at the wrong place")
    try:
        usage = chain[0].extensions.get_extension_for_class(KeyUsage).value
        extended = chain[0].extensions.get_extension_for_class(ExtendedKeyUsage).value
    except ExtensionNotFound as error:
        raise ValueError("its certificate is not for signing code") from error
    if not usage.digital_signature or ExtendedKeyUsageOID.CODE_SIGNING not in extended:
        raise ValueError("its certificate is not for signing code")


def _has_signed(key: Any, algorithm: str, document: bytes, signature: bytes) -> bool:
    """Whether the key made the signature. RFC 7518: PS256, PS384, PS512, and ES256 …, whose signatures are two numbers, r and s."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    kind, bits = algorithm[:2], algorithm[2:]
    if bits not in _HASHES:
        raise ValueError(f"its algorithm {algorithm[:20]!r} is not one of the Notary Project's")
    hashed = getattr(hashes, _HASHES[bits])()
    try:
        if kind == "PS" and isinstance(key, RSAPublicKey) and key.key_size >= 2048:
            key.verify(signature, document, PSS(MGF1(hashed), hashed.digest_size), hashed)
        elif kind == "ES" and isinstance(key, EllipticCurvePublicKey):
            half = len(signature) // 2
            first, second = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
            key.verify(encode_dss_signature(first, second), document, ECDSA(hashed))
        else:
            return False
    except InvalidSignature:
        return False
    return True
