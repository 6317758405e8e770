"""What a signed document says of who signed it: hints of keys, and the names in certificates.

Nothing of it is verified: good to be read by people, never for a decision.

Certificates of Sigstore's have the signer's address or workflow as their subject's alternative name (sigstore/fulcio, oid-info.md);
those of the Notary Project name the signer as their subject.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.model.signed_document import NOTATION, SIMPLE_SIGNING, SignedDocument
from hullmark.proof.bundle import read_bundle

_LONGEST_CERTIFICATE = Limit(64 << 10, "bytes of a certificate whose names are shown", "shortened")
_MOST = Limit(8, "names of who signed a document that are shown", "shortened")
_LONGEST = 300
_OF_COSIGN = "dev.sigstore.cosign/certificate"


class _Raw(msgspec.Struct, rename="camel"):
    raw_bytes: str = ""


class _Chain(msgspec.Struct):
    certificates: tuple[_Raw, ...] = ()


class _Material(msgspec.Struct, rename="camel"):
    certificate: _Raw | None = None
    x509_certificate_chain: _Chain | None = msgspec.field(default=None, name="x509CertificateChain")


class _Bundle(msgspec.Struct, rename="camel"):
    verification_material: _Material | None = None


class _Header(msgspec.Struct):
    x5c: tuple[str, ...] = ()


class _Jws(msgspec.Struct):
    header: _Header


def signer_names(document: SignedDocument) -> tuple[str, ...]:
    """The names, each once; none where it says nothing, or nothing that can be read."""
    found: dict[str, None] = {}
    try:
        for name in _names(document):
            found[name[:_LONGEST]] = None
            if len(found) >= _MOST:
                break
    except (HullmarkError, ValueError, RecursionError, ImportError):
        pass  # what cannot be read says nothing
    return tuple(found)


def _names(document: SignedDocument) -> Iterator[str]:
    if pem := document.annotations.get(_OF_COSIGN, ""):
        yield from _of_certificate(pem.encode())
    if document.media_type == SIMPLE_SIGNING or not document.body:
        return
    if document.media_type in NOTATION:
        chain = msgspec.json.decode(document.body, type=_Jws).header.x5c
        yield from _of_certificate(base64.b64decode(chain[0])) if chain else ()
        return
    yield from read_bundle(document.body).envelope.hints
    material = msgspec.json.decode(document.body, type=_Bundle).verification_material
    if material is not None:
        chain_of = material.x509_certificate_chain
        first = material.certificate or next(iter(chain_of.certificates if chain_of is not None else ()), None)
        yield from _of_certificate(base64.b64decode(first.raw_bytes)) if first is not None else ()


def _of_certificate(body: bytes) -> Iterator[str]:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    if len(body) > _LONGEST_CERTIFICATE:
        return
    load = x509.load_pem_x509_certificate if body.lstrip().startswith(b"-----") else x509.load_der_x509_certificate
    certificate = load(body)
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [
            str(name.value) for name in found if isinstance(name, x509.RFC822Name | x509.UniformResourceIdentifier)
        ]
        yield from names or [certificate.subject.rfc4514_string()]
    except x509.ExtensionNotFound:
        yield certificate.subject.rfc4514_string()
    except (x509.DuplicateExtension, UnsupportedAlgorithm) as error:
        raise ValueError(str(error)[:_LONGEST]) from error
