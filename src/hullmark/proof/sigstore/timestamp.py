"""Timestamps of an authority: when a signature was there (RFC 3161; its signature is CMS, RFC 5652, in DER).

Times count as they are stated; accuracy is not asked for, as Sigstore's clients do not ask for it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from hullmark.model.guard import guard_call
from hullmark.proof.sigstore.chain import issuer_of
from hullmark.proof.sigstore.der import GENERALIZED_TIME, OCTETS, SEQUENCE, DamagedDer, Element, only
from hullmark.proof.sigstore.refusal import NotVerified
from hullmark.proof.sigstore.trusted_root import Authority, read_certificate

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

# The contents of object identifiers, in DER.
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_TIMESTAMP_INFO = bytes.fromhex("2a864886f70d0109100104")
_CONTENT_TYPE = bytes.fromhex("2a864886f70d010903")
_MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")
_SIGNING_CERTIFICATE = {bytes.fromhex("2a864886f70d010910020c"): "sha1", bytes.fromhex("2a864886f70d010910022f"): ""}
_HASHES = {
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}
# Algorithms of signatures; "": with the hash that stands beside them.
_SIGNATURES = {
    bytes.fromhex("2a8648ce3d040302"): "sha256",
    bytes.fromhex("2a8648ce3d040303"): "sha384",
    bytes.fromhex("2a8648ce3d040304"): "sha512",
    bytes.fromhex("2a864886f70d01010b"): "sha256",
    bytes.fromhex("2a864886f70d01010c"): "sha384",
    bytes.fromhex("2a864886f70d01010d"): "sha512",
    bytes.fromhex("2a864886f70d010101"): "",
}
_TIME = re.compile(rb"([0-9]{14})(?:\.[0-9]{1,9})?Z").fullmatch
_GRANTED = (b"\0", b"\1")
_RSA_BITS = 2048
_CERTIFICATES, _ATTRIBUTES, _EXPLICIT, _KEY_IDENTIFIER = 0xA0, 0xA0, 0xA0, 0x80


@dataclass(frozen=True)
class _Token:
    """A token: what it states, the certificates in it, and who signed it how."""

    info: bytes
    certificates: tuple[Certificate, ...]
    signer: Element
    digest: str
    attributes: Element
    algorithm: bytes
    signature: bytes


class _CertificateHash(NamedTuple):
    """A hash (`sha256` and the like) over a certificate in DER."""

    algorithm: str
    digest: bytes


def stamped_at(response: bytes, stamped: bytes, authorities: tuple[Authority, ...]) -> datetime:
    """The time that a response (or a bare token) states of some bytes, if one of the authorities signed it. Raises NotVerified."""

    def raise_unverifiable(error: Exception) -> datetime:
        raise NotVerified(f"its timestamp cannot be read: {str(error)[:200]}") from error

    # The library reads parts of certificates when they are asked for.
    return guard_call(lambda: _stamped_at(response, stamped, authorities), raise_unverifiable, NotVerified)


def _stamped_at(response: bytes, stamped: bytes, authorities: tuple[Authority, ...]) -> datetime:
    try:
        token = _token(response)
        at = _moment(token.info, stamped)
        named = _checked_attributes(token)
    except (DamagedDer, IndexError) as error:
        raise NotVerified(f"its timestamp cannot be read: {error}") from error
    signer = _signer(token, authorities, named)
    if not _has_signed(token, signer):
        raise NotVerified("its timestamp was changed after it was signed")
    from cryptography.x509.oid import ExtendedKeyUsageOID

    issuer_of(signer, token.certificates, authorities, at, ExtendedKeyUsageOID.TIME_STAMPING)
    return at


def _token(response: bytes) -> _Token:
    parts = only(response, SEQUENCE).parts
    if parts[0].tag == SEQUENCE:
        if parts[0].parts[0].content not in _GRANTED:
            raise NotVerified("its timestamp was not granted")
        parts = parts[1].parts
    if parts[0].content != _SIGNED_DATA:
        raise DamagedDer("it is not signed data")
    data = only(parts[1].content, SEQUENCE).parts
    content = data[2].parts
    if content[0].content != _TIMESTAMP_INFO:
        raise DamagedDer("it is not a timestamp")
    listed = [each for each in data[3:-1] if each.tag == _CERTIFICATES]
    certificates = tuple(_certificate(each.raw) for each in (listed[0].parts if listed else ()))
    (signer,) = data[-1].parts[:1]
    fields = signer.parts
    if len(data[-1].parts) != 1 or fields[3].tag != _ATTRIBUTES:
        raise DamagedDer("it is not signed as a timestamp has to be")
    return _Token(
        info=only(content[1].content, OCTETS).content,
        certificates=certificates,
        signer=fields[1],
        digest=_hash(fields[2]),
        attributes=fields[3],
        algorithm=fields[4].parts[0].content,
        signature=fields[5].content,
    )


def _certificate(raw: bytes) -> Certificate:
    try:
        return read_certificate(raw)
    except ValueError as error:
        raise DamagedDer("a certificate in it cannot be read") from error


def _hash(algorithm: Element) -> str:
    found = _HASHES.get(algorithm.parts[0].content)
    if found is None:
        raise DamagedDer("its hash is of another kind than SHA-2")
    return found


def _moment(info: bytes, stamped: bytes) -> datetime:
    """TSTInfo: what was stamped, and when."""
    fields = only(info, SEQUENCE).parts
    imprint, time = fields[2].parts, fields[4]
    if not hmac.compare_digest(imprint[1].content, hashlib.new(_hash(imprint[0]), stamped).digest()):
        raise NotVerified("its timestamp is about something else")
    match = _TIME(time.content) if time.tag == GENERALIZED_TIME else None
    if match is None:
        raise DamagedDer("it has a time that is not valid")
    try:
        return datetime.strptime(match[1].decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise DamagedDer("it has a time that is not valid") from error


def _checked_attributes(token: _Token) -> _CertificateHash:
    """The hash over the signer's certificate that the signed attributes name; they must be about this content."""
    named: _CertificateHash | None = None
    said: dict[bytes, bytes] = {}
    for attribute in token.attributes.parts:
        kind, values = attribute.parts[:2]
        value = values.parts[0]
        said[kind.content] = value.content
        if kind.content in _SIGNING_CERTIFICATE:
            first = value.parts[0].parts[0].parts
            is_named = first[0].tag == SEQUENCE
            name = _SIGNING_CERTIFICATE[kind.content] or (_hash(first[0]) if is_named else "sha256")
            named = _CertificateHash(name, first[1 if is_named else 0].content)
    digest = hashlib.new(token.digest, token.info).digest()
    if said.get(_CONTENT_TYPE) != _TIMESTAMP_INFO or said.get(_MESSAGE_DIGEST) != digest or named is None:
        raise NotVerified("its timestamp was changed after it was signed")
    return named


def _signer(token: _Token, authorities: tuple[Authority, ...], named: _CertificateHash) -> Certificate:
    """The certificate that signed: it is in the token, or in the trusted root."""
    from cryptography.hazmat.primitives.serialization import Encoding

    known = (each for authority in authorities for each in (*authority.others, *authority.anchors))
    for certificate in dict.fromkeys((*token.certificates, *known)):
        name = hashlib.new(named.algorithm, certificate.public_bytes(Encoding.DER), usedforsecurity=False).digest()
        if name == named.digest and _is_named(certificate, token.signer):
            return certificate
    raise NotVerified("the certificate that signed its timestamp is not at hand")


def _is_named(certificate: Certificate, signer: Element) -> bool:
    from cryptography.x509 import SubjectKeyIdentifier

    if signer.tag == SEQUENCE:
        issuer, serial = signer.parts[:2]
        return issuer.raw == certificate.issuer.public_bytes() and (
            int.from_bytes(serial.content, "big") == certificate.serial_number
        )

    def key_identifier() -> bytes:
        return certificate.extensions.get_extension_for_class(SubjectKeyIdentifier).value.digest

    return signer.tag == _KEY_IDENTIFIER and signer.content == guard_call(key_identifier, lambda error: b"")


def _has_signed(token: _Token, certificate: Certificate) -> bool:
    """The signature is over the attributes as a SET, which is how they are written but for the tag. Raises NotVerified for a key or an
    algorithm that cannot be trusted."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    name = _SIGNATURES.get(token.algorithm)
    if name is None:
        raise NotVerified("its timestamp is signed by an algorithm that is not known")
    hashed: Any = getattr(hashes, (name or token.digest).upper())()
    signed = b"\x31" + token.attributes.raw[1:]

    def verify() -> bool:
        key = certificate.public_key()
        if isinstance(key, EllipticCurvePublicKey):
            key.verify(token.signature, signed, ECDSA(hashed))
        elif isinstance(key, RSAPublicKey):
            if key.key_size < _RSA_BITS:
                raise NotVerified(
                    f"its timestamp is signed with an RSA key of {key.key_size} bits, too short to be trusted"
                )
            key.verify(token.signature, signed, PKCS1v15(), hashed)
        else:
            raise NotVerified("its timestamp is signed with a key of a kind that is not known")
        return True

    return guard_call(verify, lambda error: False, passing=NotVerified)
