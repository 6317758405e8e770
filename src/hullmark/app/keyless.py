"""Verdicts that are signed by an identity: Sigstore's Fulcio names it in a certificate of ten minutes, Rekor takes the signature down.

Both are asked at the addresses that somebody named, and at no others: what Rekor takes down stays there, for everybody to see.
"""

from __future__ import annotations

import base64
from datetime import datetime
from pathlib import Path

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.http import Client, Request
from hullmark.proof.bundle import BUNDLE, SignedBundle, read_bundle
from hullmark.proof.notation import PEM_CERTIFICATE
from hullmark.proof.signing import KeySigner, signed_envelope
from hullmark.proof.sigstore.entry_body import check_body
from hullmark.proof.sigstore.identity import ExpectedIdentity
from hullmark.proof.sigstore.issuance import (
    annotations_of,
    certificate_request,
    certificates_in,
    entry_in,
    entry_request,
    material_document,
)
from hullmark.proof.sigstore.signature import IdentityTrust, key_of, verify_certificate
from hullmark.proof.sigstore.trusted_root import TrustedRoot, read_certificate
from hullmark.scanning.documents import read_bounded

_ANSWER_LIMIT = Limit(1 << 20, "bytes of an answer of Fulcio's or Rekor's", "refused")
_TOKEN_LIMIT = Limit(1 << 16, "bytes of a file with an identity token", "refused")
_SHOWN = 200


class KeylessSigning(msgspec.Struct, frozen=True, kw_only=True):
    """Where to sign: the addresses of Fulcio and Rekor, and the token that proves the identity.

    `root`: what they answer with must be right by this trusted root (None: that is left to who verifies).
    """

    fulcio: str
    rekor: str
    token: str
    root: TrustedRoot | None = None


def token_in(file: Path) -> str:
    """The identity token in a file. Raises HullmarkError."""
    return read_bounded(file, _TOKEN_LIMIT).decode("ascii", "replace").strip()


def sign_keyless(statement: bytes, where: KeylessSigning, client: Client, now: datetime) -> SignedBundle:
    """A statement, signed by an identity with a key that is forgotten at once. Raises HullmarkError."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

    key = generate_private_key(SECP256R1())
    certificates, der = _certificate(where, client, certificate_request(key))
    signer = KeySigner(key)
    envelope = signed_envelope(statement, signer)
    body = msgspec.json.encode(envelope, order="sorted")
    answer = _post(client, f"{where.rekor}/api/v1/log/entries", entry_request(body, certificates[0]), {}, "Rekor")
    try:
        entry = entry_in(answer)
        document = {
            "dsseEnvelope": envelope,
            "mediaType": BUNDLE,
            "verificationMaterial": material_document(der, entry),
        }
        bundle = msgspec.json.encode(document, order="sorted")
        if key_of(read_certificate(der)).fingerprint != signer.fingerprint:
            raise ValueError("the certificate is of another key")
        read = read_bundle(bundle)
        check_body(entry.body, read.content, read.envelope.signatures[0], der)
        if where.root is not None:
            trust = IdentityTrust(root=where.root, identities=(ExpectedIdentity(subject=bool, issuer=bool),))
            verify_certificate(read.content, read.read_material(), trust, now)
    except ValueError as error:
        raise HullmarkError(
            f"what Fulcio and Rekor answered is not right: {error}", advice="check --fulcio-url and --rekor-url"
        ) from error
    return SignedBundle(bundle=bundle, envelope=body, annotations=annotations_of(certificates, entry))


def _certificate(where: KeylessSigning, client: Client, request: bytes) -> tuple[tuple[str, ...], bytes]:
    """The certificates in PEM, and the signer's in DER."""
    login = {"Authorization": f"Bearer {where.token}"}
    answer = _post(client, f"{where.fulcio}/api/v2/signingCert", request, login, "Fulcio")
    try:
        certificates = certificates_in(answer)
        (block,) = PEM_CERTIFICATE.findall(certificates[0].encode())
        return certificates, base64.b64decode(b"".join(block.split(b"-----")[2].split()), validate=True)
    except ValueError as error:
        raise HullmarkError(
            f"what Fulcio answered is not right: {str(error)[:_SHOWN]}", advice="check --fulcio-url"
        ) from error


def _post(client: Client, url: str, body: bytes, headers: dict[str, str], who: str) -> bytes:
    sent = {"Content-Type": "application/json", "Accept": "application/json", **headers}
    answer = client.fetch(Request(url, sent, "POST", body), _ANSWER_LIMIT)
    if answer.status not in (200, 201):
        said = " ".join(answer.body[:_SHOWN].decode("utf-8", "replace").split())
        raise HullmarkError(
            f"{who} refuses to take part in the signature: status {answer.status}",
            advice=f"check the identity token and the address; it says: {said}",
        )
    return answer.body
