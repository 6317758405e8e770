"""Statements and claims that are refused or prove nothing: other kinds, other verifiers, documents that are too much."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hullmark.model.errors import HullmarkError
from hullmark.model.signed_document import NOTATION, SIGNATURE, SIMPLE_SIGNING, SignedDocument, SignedDocuments
from hullmark.model.verdict import Outcome
from hullmark.proof.bundle import BUNDLE, read_bundle
from hullmark.proof.claims import TrustRoots, proof_of, told_of
from hullmark.proof.dsse import read_keys
from hullmark.proof.signature_inputs import handed_to_rules
from hullmark.proof.signer_names import signer_names
from hullmark.proof.signing import KeySigner, signed_envelope
from hullmark.proof.sigstore.issuance import certificates_in, entry_in, material_document
from hullmark.proof.sigstore.material import LogEntry, read_material
from hullmark.proof.verdict_statement import expiry, moment_in
from hullmark.proof.verification import Expectations, NotProven, verify_newest
from tests.support.attestations import IN_TOTO, Signer, statement_about
from tests.support.images import Json
from tests.support.sigstore import b64
from tests.unit.proof.test_sigstore import LEAF, SIGSTORE
from tests.unit.proof.test_statements import DIGEST, START, payload

SHOP = Signer()
ROOTS = TrustRoots(keys=read_keys(SHOP.public, "it"))
GO = json.loads(payload(Outcome.GO))


def signed(statement: object, kind: str = IN_TOTO) -> Json:
    """What the trusted signer signs."""
    envelope = SHOP.envelope(json.dumps(statement).encode(), kind)
    return {"mediaType": BUNDLE, "verificationMaterial": {"publicKey": {"hint": ""}}, "dsseEnvelope": envelope}


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ({**GO, "_type": "https://in-toto.io/Statement/v9"}, "not a statement of a known version"),
        ({**GO, "subject": GO["subject"] * 10_001}, "it has more than 10000 subjects"),
        ({**GO, "predicateType": "https://example.org/x"}, "it is a statement of another kind: https://example.org/x"),
        ({**GO, "predicate": {"verifier": {"id": "x"}}}, "a verification summary of another verifier"),
        (
            {**GO, "predicate": {**GO["predicate"], "verifier": {**GO["predicate"]["verifier"], "id": "https://other.example"}}},
            "it is a verification summary by https://other.example",
        ),
        (
            {**GO, "predicate": {**GO["predicate"], "timeVerified": "2026-03-01T12:00:00"}},
            "'2026-03-01T12:00:00' is not a time with a zone",
        ),
        ([], "it is not an in-toto statement"),
    ],
)  # fmt: skip
def test_what_the_trusted_key_signed_besides_verdicts_is_no_verdict(statement: object, reason: str) -> None:
    """A key may sign other things too, which say nothing of whether an image passed."""
    expected = Expectations(keys=ROOTS.keys, subjects=(DIGEST,), now=START)
    with pytest.raises(NotProven, match=reason):
        verify_newest([read_bundle(json.dumps(signed(statement)).encode())], expected)


def test_other_payloads_and_statements_without_signatures_prove_nothing() -> None:
    """The type of the payload is signed too."""
    expected = Expectations(keys=ROOTS.keys, subjects=(DIGEST,), now=START)
    with pytest.raises(NotProven, match="what is signed is not a statement: text/plain"):
        verify_newest([read_bundle(json.dumps(signed(GO, "text/plain")).encode())], expected)
    bare = signed(GO)
    bare["dsseEnvelope"]["signatures"] = []
    with pytest.raises(HullmarkError, match="the statement is not signed"):
        verify_newest([read_bundle(json.dumps(bare).encode())], expected)


@pytest.mark.parametrize("valid", [timedelta(), timedelta(days=-1), timedelta(days=4_000_000)])
def test_a_statement_is_valid_for_some_time_that_calendars_have(valid: timedelta) -> None:
    """The command line takes any number of days."""
    with pytest.raises(HullmarkError, match="a statement cannot be valid for that long"):
        expiry(START, valid)


@pytest.mark.parametrize("text", ["", "soon", "2026-03-01", "2026-03-01T12:00:00", "0001-01-01T00:00:00+05:00"])
def test_a_time_needs_a_zone_and_a_place_in_the_calendar(text: str) -> None:
    """Without a zone it would be another moment on each machine."""
    with pytest.raises(HullmarkError, match="is not a time with a zone"):
        moment_in(text)


# Claims


def claimed(body: bytes, kind: str = BUNDLE, **annotations: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The kinds of the claims that a document proves, and why it could not be checked."""
    document = SignedDocument(place="sha256:x", media_type=kind, body=body, subject=DIGEST, annotations=annotations)
    found = proof_of(SignedDocuments(documents=(document,), subjects=(DIGEST,)), ROOTS, START)
    return tuple(claim.kind for claim in found.claims), tuple(str(each) for each in found.unchecked)


def provenance(dependencies: list[Json], parameters: object) -> bytes:
    """A statement of a build, signed by the trusted key."""
    definition = {"externalParameters": parameters, "resolvedDependencies": dependencies}
    predicate: Json = {"runDetails": {"builder": {"id": "https://builder.example"}}, "buildDefinition": definition}
    return json.dumps(SHOP.signed(statement_about(DIGEST, predicate, "https://slsa.dev/provenance/v1"))).encode()


def test_a_provenance_with_very_many_sources_or_other_parameters() -> None:
    """So many sources are not compared with a rule's; parameters of an unknown build type name none."""
    kinds, unchecked = claimed(provenance([{"uri": f"git+https://x/{number}"} for number in range(1_000)], {}))
    assert kinds == ()
    assert "it names more than 1000 sources" in unchecked[0]
    body = provenance([{"uri": "git+https://git.example/shop"}], {"workflow": 7})
    assert claimed(body) == (("provenance",), ())
    assert told_of(_document(body)).sources == ("git+https://git.example/shop",)


def _document(body: bytes, kind: str = BUNDLE) -> SignedDocument:
    return SignedDocument(place="sha256:x", media_type=kind, body=body, subject=DIGEST)


def test_a_summary_proves_the_levels_that_its_words_name() -> None:
    """Words of other tracks are passed over, and of several levels of one the highest counts."""
    predicate: Json = {
        "verifier": {"id": "https://verifier.example"},
        "verificationResult": "PASSED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_1", "FEDRAMP_HIGH", "SLSA_BUILD_LEVEL_3", "SLSA_SOURCE_LEVEL_2"],
    }
    kind = "https://slsa.dev/verification_summary/v1"
    found = told_of(_document(json.dumps(SHOP.signed(statement_about(DIGEST, predicate, kind))).encode()))
    assert (found.kind, found.build_level, found.source_level) == ("summary", 3, 2)


def test_an_envelope_of_something_else_is_told_as_what_it_is() -> None:
    """It is no statement, and none of the verdicts that rules are handed are Hullmark's own."""
    body = json.dumps(SHOP.envelope(b"text", "text/plain")).encode()
    claim = told_of(_document(body))
    assert (claim.kind, claim.signer, claim.predicate_type) == ("other", "", "text/plain")
    documents = SignedDocuments(
        documents=(_document(body, "application/vnd.dsse.envelope.v1+json"),), subjects=(DIGEST,)
    )
    assert handed_to_rules(documents).documents == documents


def test_signatures_over_other_formats_cannot_be_checked() -> None:
    """A signature that fits what is no simple signing, one in COSE, and a blob's over another digest."""
    signature = b64(SHOP.key.sign(b"text", ec.ECDSA(SHA256())))
    kinds, unchecked = claimed(b"text", SIMPLE_SIGNING, **{SIGNATURE: signature})
    assert (kinds, "what is signed is not of the simple signing format" in unchecked[0]) == ((), True)
    kinds, unchecked = claimed(b"\xd2\x84", NOTATION[1])
    assert (kinds, "it is a signature in COSE, which cannot be checked yet" in unchecked[0]) == ((), True)
    message = SIGSTORE.message(b"text", LEAF)
    message["messageSignature"]["messageDigest"]["algorithm"] = "SHA2_512"
    kinds, unchecked = claimed(json.dumps(message).encode())
    assert (kinds, "it is over a digest that is not checked: 'SHA2_512'" in unchecked[0]) == ((), True)


def test_a_signature_over_a_digest_is_checked_by_keys_of_rsa_and_by_none_of_ed25519() -> None:
    """Ed25519 signs the bytes themselves, which are not at hand; a digest of another length is none."""
    private = rsa.generate_private_key(65537, 2048)
    digest, signature = hashlib.sha256(b"text").digest(), private.sign(b"text", padding.PKCS1v15(), SHA256())
    other = ed25519.Ed25519PrivateKey.generate()
    key, none = (
        read_keys(each.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "it")[0]
        for each in (private, other)
    )
    assert key.has_signed_digest(digest, signature)
    assert not key.has_signed_digest(hashlib.sha256(b"other").digest(), signature)
    assert not key.has_signed_digest(digest[:20], signature)
    assert not none.has_signed_digest(digest, other.sign(b"text"))


class _OtherKey(KeySigner):
    """A signer in the cloud that was given another key than it says."""

    def sign(self, document: bytes) -> bytes:
        """Another key's signature."""
        return SHOP.key.sign(document, ec.ECDSA(SHA256()))


def test_a_signer_that_signs_with_another_key_is_found_out_at_once() -> None:
    """Nobody could verify the statement later."""
    with pytest.raises(HullmarkError, match="answered with a signature that its public key does not verify"):
        signed_envelope(payload(), _OtherKey(ec.generate_private_key(ec.SECP256R1())))


def test_names_of_signers_are_few_and_of_certificates_of_a_usual_size() -> None:
    """They are shown to people: a document may hold any number of them."""
    hints = [{"keyid": f"key {number}", "sig": "AAAA"} for number in range(20)]
    envelope = {"payloadType": "x", "payload": "AAAA", "signatures": hints}
    assert signer_names(_document(json.dumps(envelope).encode())) == tuple(f"key {number}" for number in range(8))
    large = base64.b64encode(bytes(70_000)).decode()
    envelope["signatures"] = hints[:1]
    material = {"certificate": {"rawBytes": large}}
    bundle = {"mediaType": BUNDLE, "verificationMaterial": material, "dsseEnvelope": envelope}
    assert signer_names(_document(json.dumps(bundle).encode())) == ("key 0",)


# Answers of Fulcio and Rekor


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"{}", "it is not a certificate with the promise of a log in it"),
        (b'{"signedCertificateEmbeddedSct": {"chain": {"certificates": []}}}', "it has 0 certificates"),
        (
            json.dumps({"signedCertificateEmbeddedSct": {"chain": {"certificates": ["x"] * 9}}}).encode(),
            "it has 9 certificates",
        ),
    ],
)
def test_an_answer_of_fulcio_that_is_no_chain_is_refused(answer: bytes, reason: str) -> None:
    """A proxy may answer in its place."""
    with pytest.raises(ValueError, match=reason):
        certificates_in(answer)


@pytest.mark.parametrize(
    ("hashes", "reason"), [(["00"] * 65, "more hashes than a log has levels"), (["x"], "it is not an entry")]
)
def test_an_answer_of_rekor_that_is_no_entry_is_refused(hashes: list[str], reason: str) -> None:
    """Numbers and hashes are checked before they are written into a bundle."""
    proof = {"checkpoint": "", "hashes": hashes, "logIndex": 0, "rootHash": "00", "treeSize": 1}
    verification = {"signedEntryTimestamp": "AAAA", "inclusionProof": proof}
    entry = {"body": "AAAA", "integratedTime": 1, "logID": "00", "logIndex": 1, "verification": verification}
    with pytest.raises(ValueError, match=reason):
        entry_in(json.dumps({"uuid": entry}).encode())
    with pytest.raises(ValueError, match="it is not an entry"):
        entry_in(b"{}")


def test_an_entry_without_a_proof_is_written_as_it_is() -> None:
    """What is read of it is the same again."""
    entry = LogEntry(log_id=b"\1" * 32, index=7, seconds=9, body=b"{}", promise=b"x", proof=None)
    document = material_document(b"der", entry)
    assert read_material(json.dumps(document).encode(), BUNDLE).entries == (entry,)
