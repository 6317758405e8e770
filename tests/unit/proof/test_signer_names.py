"""What a document says of who signed it, for people to read."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.signed_document import NOTATION, SIMPLE_SIGNING, SignedDocument
from hullmark.proof.signer_names import signer_names
from tests.support.attestations import BUNDLE, Signer, statement_about

WORKFLOW = "https://git.example/shop/.github/workflows/build.yml@refs/heads/main"
DIGEST = f"sha256:{'1' * 64}"


def certificate(*names: str) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop's builder")])
    now = datetime(2026, 3, 1, tzinfo=UTC)
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    )  # fmt: skip
    if names:
        known = [
            x509.RFC822Name(name) if "@" in name and "/" not in name else x509.UniformResourceIdentifier(name)
            for name in names
        ]
        builder = builder.add_extension(x509.SubjectAlternativeName(known), critical=True)
    return builder.sign(key, SHA256())


def document(body: bytes, kind: str, **annotations: str) -> SignedDocument:
    named = {name.replace("__", "/"): value for name, value in annotations.items()}
    return SignedDocument(place=DIGEST, media_type=kind, body=body, subject=DIGEST, annotations=named)


def test_cosign_and_bundles_name_who_their_certificates_are_for() -> None:
    pem = certificate("dev@shop.example").public_bytes(Encoding.PEM).decode()
    signed = document(b"{}", SIMPLE_SIGNING, **{"dev.sigstore.cosign__certificate": pem})
    assert signer_names(signed) == ("dev@shop.example",)
    raw = base64.b64encode(certificate(WORKFLOW).public_bytes(Encoding.DER)).decode()
    envelope = Signer().signed(statement_about(DIGEST, {}))
    for material in (
        {"certificate": {"rawBytes": raw}},
        {"x509CertificateChain": {"certificates": [{"rawBytes": raw}]}},
    ):
        bundle = {"mediaType": BUNDLE, "verificationMaterial": material, "dsseEnvelope": envelope}
        assert signer_names(document(json.dumps(bundle).encode(), BUNDLE)) == (WORKFLOW,)


def test_notation_names_the_subject_and_keys_leave_hints() -> None:
    chain = [base64.b64encode(certificate().public_bytes(Encoding.DER)).decode()]
    jws = json.dumps({"header": {"x5c": chain}}).encode()
    assert signer_names(document(jws, NOTATION[0])) == ("CN=shop's builder",)
    signer = Signer()
    hint = base64.b64encode(bytes.fromhex(signer.fingerprint.removeprefix("sha256:"))).decode()
    bundle = {
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": hint}},
        "dsseEnvelope": signer.signed(statement_about(DIGEST, {})),
    }
    assert signer_names(document(json.dumps(bundle).encode(), BUNDLE)) == (signer.fingerprint,)


@pytest.mark.parametrize("kind", [SIMPLE_SIGNING, NOTATION[0], NOTATION[1], BUNDLE, ""])
@given(body=st.binary(max_size=60) | st.text(max_size=40).map(str.encode), pem=st.text(max_size=40))
def test_what_cannot_be_read_says_nothing(kind: str, body: bytes, pem: str) -> None:
    found = signer_names(document(body, kind, **{"dev.sigstore.cosign__certificate": pem}))
    assert all(len(name) <= 300 for name in found)
