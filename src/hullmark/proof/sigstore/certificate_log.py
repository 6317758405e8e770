"""Signed certificate timestamps in certificates: a log promises to show the certificate to everybody (RFC 6962, section 3.2)."""

from __future__ import annotations

import hashlib
import struct
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hullmark.model.guard import guard_call
from hullmark.model.limit import Limit
from hullmark.proof.sigstore.chain import extensions_of
from hullmark.proof.sigstore.refusal import NotVerified
from hullmark.proof.sigstore.trusted_root import Log

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from cryptography.x509.certificate_transparency import SignedCertificateTimestamp

_MOST = Limit(16, "signed timestamps of one certificate", "refused")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CERTIFICATE_TIMESTAMP, _PRECERTIFICATE_ENTRY = 0, 1


def check_certificate_log(certificate: Certificate, issuer: Certificate, logs: tuple[Log, ...]) -> None:
    """Raises NotVerified unless one of the logs signed a timestamp that is in the certificate."""
    from cryptography.x509 import PrecertificateSignedCertificateTimestamps

    found = [
        each.value
        for each in extensions_of(certificate)
        if isinstance(each.value, PrecertificateSignedCertificateTimestamps)
    ]
    timestamps = list(found[0]) if found else []
    if not timestamps:
        raise NotVerified("its certificate holds no timestamp of a log of certificates")
    if len(timestamps) > _MOST:
        raise NotVerified("its certificate holds too many timestamps of logs of certificates")
    if not any(_holds(timestamp, certificate, issuer, logs) for timestamp in timestamps):
        raise NotVerified("no log of certificates that is trusted has signed the timestamp in its certificate")


def _holds(
    timestamp: SignedCertificateTimestamp, certificate: Certificate, issuer: Certificate, logs: tuple[Log, ...]
) -> bool:
    at = timestamp.timestamp.replace(tzinfo=UTC)
    if timestamp.signature_hash_algorithm.name != "sha256":
        return False
    signed = guard_call(lambda: _build_signed_bytes(timestamp, at, certificate, issuer), lambda error: b"")
    return bool(signed) and any(
        log.id == timestamp.log_id and log.span.covers(at) and log.key.has_signed(signed, timestamp.signature)
        for log in logs
    )


def _build_signed_bytes(
    timestamp: SignedCertificateTimestamp, at: datetime, certificate: Certificate, issuer: Certificate
) -> bytes:
    """What the log signed: the structure `digitally-signed`, for a precertificate."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    spki = issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    body, more = certificate.tbs_precertificate_bytes, timestamp.extension_bytes
    milliseconds = (at - _EPOCH) // timedelta(milliseconds=1)
    head = struct.pack("!BBQH", timestamp.version.value, _CERTIFICATE_TIMESTAMP, milliseconds, _PRECERTIFICATE_ENTRY)
    key = hashlib.sha256(spki).digest()
    return head + key + len(body).to_bytes(3, "big") + body + struct.pack("!H", len(more)) + more
