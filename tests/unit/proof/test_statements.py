"""Statements, bundles and keys: any bytes are read or refused, and of several verdicts the newest counts in any order."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.errors import HullmarkError
from hullmark.model.signed_document import SignedDocument, SignedDocuments
from hullmark.model.verdict import Outcome, Verdict, VerdictInputs
from hullmark.proof.bundle import BUNDLE, Bundle, read_bundle, write_bundle
from hullmark.proof.claims import TrustRoots, proof_of
from hullmark.proof.dsse import read_keys
from hullmark.proof.signing import KeySigner, read_signer
from hullmark.proof.statement import read_statement
from hullmark.proof.verdict_statement import Circumstances, Subjects, read_verdict_statement, write_statement
from hullmark.proof.verification import Expectations, NotProven, verify_newest
from tests.support.attestations import Signer, statement_about

DIGEST = "sha256:" + "1" * 64
START = datetime(2026, 3, 1, tzinfo=UTC)
SIGNER = KeySigner(ec.generate_private_key(ec.SECP256R1()))
KEYS = read_keys(SIGNER.public, "the key")


def verdict(outcome: Outcome, at: datetime) -> Verdict:
    """A verdict without findings."""
    inputs = VerdictInputs(
        image=DIGEST, policy="sha256:" + "2" * 64, snapshot=None, analyzer="hullmark", at=at.isoformat()
    )
    return Verdict(verdict=outcome, reason="so", findings=(), problems=(), inputs=inputs)


def payload(outcome: Outcome = Outcome.GO, hours: int = 0, valid: int = 24) -> bytes:
    """A statement of a verdict some hours after the start."""
    at = START + timedelta(hours=hours)
    about = Subjects(digests=(DIGEST,), name="shop", resource="x")
    return write_statement(verdict(outcome, at), b"{}", about, at + timedelta(hours=valid), Circumstances())


def bundle(outcome: Outcome, hours: int, valid: int = 24) -> Bundle:
    """The same, signed."""
    return read_bundle(write_bundle(payload(outcome, hours, valid), SIGNER)[0])


def test_a_statement_is_canonical_and_reads_back() -> None:
    body = payload(Outcome.STOP)
    document = json.loads(body)
    assert body == json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    predicate = document["predicate"]
    assert (predicate["verificationResult"], predicate["verifiedLevels"]) == (
        "FAILED",
        ["FAILED", f"{'hullmark'.upper()}_STOP"],
    )
    read = read_verdict_statement(read_statement(body), body)
    assert (read.at, read.expires, read.own.verdict) == (START, START + timedelta(days=1), Outcome.STOP)


@pytest.mark.parametrize(
    ("outcome", "result"), [("go", "PASSED"), ("warn", "PASSED"), ("stop", "FAILED"), ("unknown", "FAILED")]
)
def test_what_is_not_known_has_failed(outcome: str, result: str) -> None:
    assert json.loads(payload(Outcome(outcome)))["predicate"]["verificationResult"] == result


def test_a_statement_whose_parts_contradict_each_other_is_refused() -> None:
    body = payload(Outcome.STOP).replace(b'"FAILED","verifiedLevels"', b'"PASSED","verifiedLevels"')
    with pytest.raises(ValueError, match="contradict"):
        read_verdict_statement(read_statement(body), body)


TIMES = st.lists(st.tuples(st.sampled_from(list(Outcome)), st.integers(0, 20)), min_size=1, max_size=4)


@given(TIMES, st.randoms(use_true_random=False))
def test_the_newest_counts_in_any_order_and_at_the_same_time_the_worse(
    made: list[tuple[Outcome, int]], order: object
) -> None:
    bundles = [bundle(outcome, hours) for outcome, hours in made]
    order.shuffle(bundles)  # type: ignore[attr-defined]
    expected = Expectations(keys=KEYS, subjects=(DIGEST,), now=START + timedelta(hours=20))
    found = verify_newest(bundles, expected).statement
    newest = max(hours for _, hours in made)
    there = {outcome in (Outcome.GO, Outcome.WARN) for outcome, hours in made if hours == newest}
    assert found.at == START + timedelta(hours=newest)
    assert found.passed is all(there)


def test_an_older_verdict_does_not_come_back_when_the_newest_has_expired() -> None:
    bundles = [bundle(Outcome.GO, 0, valid=1000), bundle(Outcome.STOP, 5, valid=1)]
    with pytest.raises(NotProven, match="expired"):
        verify_newest(bundles, Expectations(keys=KEYS, subjects=(DIGEST,), now=START + timedelta(hours=10)))


WHOLE = write_bundle(payload(), SIGNER)[0]


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_bundle_with_one_changed_byte_says_the_same_or_is_refused(place: int, flip: int) -> None:
    body = bytearray(WHOLE)
    body[place] ^= flip
    expected = Expectations(keys=KEYS, subjects=(DIGEST,), now=START)
    with contextlib.suppress(HullmarkError):
        # What is around the envelope, as the name of the key, is not signed: it may change, and decides nothing.
        assert verify_newest([read_bundle(bytes(body))], expected).statement.payload == payload()


PARTS = st.sampled_from(
    ["subject", "predicateType", "_type", "predicate", "digest", "name", "builder", "id", "verifier"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PARTS, inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_statement_or_a_value_error(body: bytes) -> None:
    with contextlib.suppress(ValueError):
        read_verdict_statement(read_statement(body), body)
    with contextlib.suppress(HullmarkError):
        read_bundle(body)


SHOP = Signer()
TYPES = st.sampled_from(
    [
        "https://slsa.dev/provenance/v1",
        "https://slsa.dev/provenance/v0.2",
        "https://slsa.dev/verification_summary/v1",
        "x",
    ]
)


@given(TYPES, JSON)
def test_any_predicate_is_a_claim_or_what_cannot_be_checked(kind: str, predicate: object) -> None:
    statement = statement_about(DIGEST, predicate, kind)  # type: ignore[arg-type]
    body = json.dumps(SHOP.signed(statement)).encode()
    document = SignedDocument(place="sha256:x", media_type=BUNDLE, body=body, subject=DIGEST)
    signed = SignedDocuments(documents=(document,), subjects=(DIGEST,))
    found = proof_of(signed, TrustRoots(keys=read_keys(SHOP.public, "it")), START)
    assert len(found.claims) + len(found.unchecked) == 1
    nobody = proof_of(signed, TrustRoots(), START)
    assert nobody.claims == ()


@given(st.binary(max_size=300), st.none() | st.binary(max_size=9))
def test_any_bytes_are_a_key_or_refused(pem: bytes, password: bytes | None) -> None:
    with pytest.raises(HullmarkError):
        read_signer(pem, password, "key.pem")


@given(JSON)
def test_an_encrypted_key_asks_for_bounded_work(value: object) -> None:
    pytest.importorskip("nacl")
    import base64

    for document in (value, {"kdf": {"name": "scrypt", "params": {"N": 1 << 40, "r": 8, "p": 1}, "salt": "AAAA"}}):
        body = base64.b64encode(msgspec.json.encode(document))
        pem = b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n%b\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----" % body
        with pytest.raises(HullmarkError):
            read_signer(pem, b"x", "key.pem")
