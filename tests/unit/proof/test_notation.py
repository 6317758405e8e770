"""Signatures of the Notary Project. The fixtures are made here, after its specification: no tool of theirs was at hand to make any."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.errors import HullmarkError
from hullmark.model.signed_document import SignedDocument, SignedDocuments
from hullmark.model.verdict import Action, Outcome
from hullmark.policy.deadlines import next_moment
from hullmark.policy.evaluate import evaluate
from hullmark.policy.gates import TRIGGERS
from hullmark.policy.gates.signatures import SignedBy
from hullmark.policy.rules import Policy, Rule
from hullmark.proof.claims import TrustRoots, proof_of
from hullmark.proof.notation import deadlines_of, read_certificates, verified_target
from tests.unit.policy.building import facts

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DIGEST = "sha256:" + "1" * 64
PAYLOAD = "application/vnd.cncf.notary.payload.v1+json"
Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def _url(body: bytes) -> str:
    return base64.urlsafe_b64encode(body).rstrip(b"=").decode()


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(
    name: str, key: Private, issuer: tuple[str, Private], *, is_authority: bool, days: int = 30, code: bool = True
) -> x509.Certificate:
    """A certificate, issued by another one's name and key."""
    usage = ExtendedKeyUsageOID.CODE_SIGNING if code else ExtendedKeyUsageOID.SERVER_AUTH
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer[0]))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - timedelta(days=30))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if not is_authority:
        flags = dict.fromkeys(
            ("key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"), False
        )
        more = {"content_commitment": False, "encipher_only": False, "decipher_only": False}
        builder = builder.add_extension(x509.KeyUsage(digital_signature=True, **flags, **more), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return builder.sign(issuer[1], hashes.SHA256())


ROOT_KEY, LEAF_KEY, OTHER_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
RSA_KEY = rsa.generate_private_key(65537, 2048)
ROOT = certificate("root", ROOT_KEY, ("root", ROOT_KEY), is_authority=True)
LEAF = certificate("leaf", LEAF_KEY, ("root", ROOT_KEY), is_authority=False)
TRUSTED = read_certificates(ROOT.public_bytes(Encoding.PEM), "roots")
STRANGER = read_certificates(
    certificate("other", OTHER_KEY, ("other", OTHER_KEY), is_authority=True).public_bytes(Encoding.PEM), "roots"
)


def envelope(
    chain: tuple[x509.Certificate, ...] = (LEAF, ROOT),
    key: Private = LEAF_KEY,
    header: Mapping[str, Any] = MappingProxyType({}),
) -> bytes:
    """A JWS envelope as the specification has it."""
    algorithm = "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "PS256"
    scheme = "io.cncf.notary.signingScheme"
    protected = {
        "alg": algorithm,
        "cty": PAYLOAD,
        "crit": [scheme],
        scheme: "notary.x509",
        "io.cncf.notary.signingTime": "2026-02-28T00:00:00Z",
        **header,
    }
    target = {
        "targetArtifact": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": DIGEST, "size": 7}
    }
    first, second = _url(json.dumps(protected).encode()), _url(json.dumps(target).encode())
    signed = f"{first}.{second}".encode()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        numbers = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
        signature = b"".join(number.to_bytes(32, "big") for number in numbers)
    else:
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        signature = key.sign(signed, pss, hashes.SHA256())
    document = {
        "payload": second,
        "protected": first,
        "header": {"x5c": [base64.b64encode(each.public_bytes(Encoding.DER)).decode() for each in chain]},
        "signature": _url(signature),
    }
    return json.dumps(document).encode()


def test_a_signature_counts_up_to_a_trusted_authority() -> None:
    target = verified_target(envelope(), TRUSTED, NOW)
    assert target is not None
    assert target.digest == DIGEST
    assert verified_target(envelope(), STRANGER, NOW) is None


def test_rsa_counts_as_well() -> None:
    leaf = certificate("leaf", RSA_KEY, ("root", ROOT_KEY), is_authority=False)
    target = verified_target(envelope((leaf, ROOT), RSA_KEY), TRUSTED, NOW)
    assert target is not None


MIDDLE = certificate("middle", OTHER_KEY, ("root", ROOT_KEY), is_authority=False)
WRONG = {
    "another key": (envelope(key=OTHER_KEY), "does not fit"),
    "a chain out of order": (envelope((ROOT, LEAF)), "not issued by the next"),
    "a leaf of nobody": (
        envelope((certificate("leaf", LEAF_KEY, ("root", OTHER_KEY), is_authority=False), ROOT)),
        "not issued by the next",
    ),
    "a leaf that is over": (
        envelope((certificate("leaf", LEAF_KEY, ("root", ROOT_KEY), is_authority=False, days=-1), ROOT)),
        "not valid now",
    ),
    "a certificate of a server": (
        envelope((certificate("leaf", LEAF_KEY, ("root", ROOT_KEY), is_authority=False, code=False), ROOT)),
        "not for signing code",
    ),
    "the authority itself": (envelope((ROOT,), ROOT_KEY), "not for signing code"),
    "an expired signature": (envelope(header={"io.cncf.notary.expiry": "2026-02-28T00:00:00+00:00"}), "has expired"),
    "an unknown demand": (envelope(header={"crit": ["io.cncf.notary.verificationPlugin"]}), "cannot be checked"),
    "another scheme": (
        envelope(header={"io.cncf.notary.signingScheme": "notary.x509.signingAuthority"}),
        "cannot be checked",
    ),
    "another payload": (envelope(header={"cty": "text/plain"}), "cannot be checked"),
    "no algorithm": (envelope(header={"alg": "none"}), "not one of"),
    "another algorithm": (envelope(header={"alg": "PS256"}), "does not fit"),
    "no envelope": (b"{}", "not a signature"),
    "no certificates": (envelope(()), "its chain has 0 certificates"),
    "a chain without an end": (envelope((LEAF, *[ROOT] * 16)), "its chain has 17 certificates"),
    "a leaf of another leaf": (
        envelope((certificate("leaf", LEAF_KEY, ("middle", OTHER_KEY), is_authority=False), MIDDLE, ROOT)),
        "a certificate at the wrong place",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said(name: str) -> None:
    body, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        verified_target(body, TRUSTED, NOW)


@given(st.integers(0, len(envelope()) - 1), st.integers(1, 255))
def test_one_changed_byte_never_makes_another_target(place: int, flip: int) -> None:
    body = bytearray(FIXED)
    body[place % len(FIXED)] ^= flip
    with contextlib.suppress(ValueError):
        target = verified_target(bytes(body), TRUSTED, NOW)
        assert target is None or target.digest == DIGEST


FIXED = envelope()


@given(st.binary(max_size=200))
def test_any_bytes_are_a_signature_or_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        verified_target(body, TRUSTED, NOW)


def test_the_moments_at_which_it_begins_or_ends_to_count() -> None:
    ends = datetime(2026, 3, 5, tzinfo=UTC)
    body = envelope(header={"io.cncf.notary.expiry": ends.isoformat()})
    begins = NOW - timedelta(days=30)
    last = NOW + timedelta(days=30)
    assert set(deadlines_of(body)) == {ends, begins, last + timedelta(microseconds=1)}
    for moment in deadlines_of(body):
        before, at = (_counts(body, moment - timedelta(microseconds=1)), _counts(body, moment))
        assert before is not at or moment > ends


def _counts(body: bytes, now: datetime) -> bool:
    try:
        return verified_target(body, TRUSTED, now) is not None
    except ValueError:
        return False


@given(st.binary(max_size=200) | st.integers(0, 2000).map(lambda place: FIXED[:place] + b"x" + FIXED[place + 1 :]))
def test_of_what_cannot_be_read_there_are_no_moments_and_no_fault(body: bytes) -> None:
    assert all(moment.tzinfo is not None for moment in deadlines_of(body))


def test_a_rule_is_judged_again_when_one_ends() -> None:
    ends = NOW + timedelta(days=3)
    document = SignedDocument(
        place=DIGEST,
        media_type="application/jose+json",
        body=envelope(header={"io.cncf.notary.expiry": ends.isoformat()}),
        subject=DIGEST,
    )
    known = facts(signatures=SignedDocuments(documents=(document,), subjects=(DIGEST,)))
    asked = next(trigger for trigger in TRIGGERS if trigger.full_name == "signatures.signed_by")
    params = SignedBy(authorities=(ROOT.public_bytes(Encoding.PEM).decode(),))
    policy = Policy(name="p", version="1", rules=(Rule(id="ours", trigger=asked, action=Action.STOP, params=params),))
    now = replace(known, now=NOW)
    assert next_moment(policy, now, evaluate(policy, now, analyzer="a")) == ends
    assert evaluate(policy, now, analyzer="a").verdict is Outcome.GO
    assert evaluate(policy, replace(known, now=ends), analyzer="a").verdict is Outcome.UNKNOWN


@pytest.mark.parametrize(("subject", "count"), [(DIGEST, 1), ("sha256:" + "2" * 64, 0)])
def test_it_is_a_claim_about_its_own_image_alone(subject: str, count: int) -> None:
    document = SignedDocument(place="sha256:x", media_type="application/jose+json", body=envelope(), subject=subject)
    signed = SignedDocuments(documents=(document,), subjects=(subject,))
    assert len(proof_of(signed, TrustRoots(certificates=TRUSTED), NOW).claims) == count
    assert proof_of(signed, TrustRoots(), NOW).claims == ()


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----"])
def test_what_is_no_certificate_is_refused(pem: bytes) -> None:
    with pytest.raises(HullmarkError):
        read_certificates(pem, "roots.pem")
