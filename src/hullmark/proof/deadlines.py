"""When time alone changes what a signed document proves: signatures that end, and certificates that nothing dates."""

from __future__ import annotations

from datetime import datetime, timedelta

from hullmark.model.errors import HullmarkError
from hullmark.model.guard import guard_call
from hullmark.model.signed_document import NOTATION, SignedDocument
from hullmark.proof import notation
from hullmark.proof.bundle import read_bundle, read_message
from hullmark.proof.sigstore.material import CERTIFICATE, Material, annotated_material

_LAST_YEAR = 9999


def deadlines_of(document: SignedDocument, *, ignores_log: bool) -> tuple[datetime, ...]:
    """The moments at which it begins or ends to count, some that change nothing among them; none of what cannot be read.

    `ignores_log`: a certificate of Sigstore's has to be valid now, as nothing need prove when it signed.
    """
    if document.media_type in NOTATION:
        return notation.deadlines_of(document.body)
    if not ignores_log:
        return ()
    try:
        material = _material(document)
        return _validity(material.certificates[0]) if material is not None and material.certificates else ()
    except (HullmarkError, ValueError, RecursionError):
        return ()


def _material(document: SignedDocument) -> Material | None:
    if CERTIFICATE in document.annotations:
        return annotated_material(document.annotations)
    signed = read_message(document.body) or read_bundle(document.body)
    return signed.read_material() if signed.has_certificate else None


def _validity(der: bytes) -> tuple[datetime, ...]:
    from cryptography.x509 import load_der_x509_certificate

    def raise_damage(error: Exception) -> tuple[datetime, ...]:
        raise ValueError(f"a certificate cannot be read: {str(error)[:100]}") from error

    def read() -> tuple[datetime, ...]:
        certificate = load_der_x509_certificate(der)
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        # It is still valid at its last moment. A certificate that ends in the last year that dates can have never ends.
        return (begins, ends + timedelta(microseconds=1)) if ends.year < _LAST_YEAR else (begins,)

    return guard_call(read, raise_damage)
