"""Signed documents as inputs: what rules are handed, how it is named, and that just that is found again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from hullmark.model.signed_document import (
    SIGNATURE,
    SIMPLE_SIGNING,
    SignatureInputs,
    SignedDocument,
    SignedDocuments,
)
from hullmark.model.verdict import Outcome
from hullmark.proof.signature_inputs import OtherSignatures, as_stated, handed_to_rules
from hullmark.proof.statement import read_statement
from hullmark.proof.verdict_statement import (
    Circumstances,
    StatementSignatures,
    Subjects,
    VerdictStatement,
    read_verdict_statement,
    write_statement,
)
from tests.support.attestations import BUNDLE, DSSE, Signer
from tests.unit.proof.test_statements import DIGEST, START, bundle, payload, verdict

INDEX = "sha256:" + "9" * 64
BYTES = st.binary(max_size=4)
DOCUMENTS = st.lists(
    st.builds(
        lambda body, signature, subject: SignedDocument(
            place=f"sha256:{body.hex()}",
            media_type=SIMPLE_SIGNING,
            body=body,
            subject=subject,
            annotations={SIGNATURE: signature},
        ),
        BYTES,
        st.sampled_from(("", "a", "b")),
        st.sampled_from((DIGEST, INDEX)),
    ),
    max_size=6,
    unique_by=lambda document: (document.body, document.annotations[SIGNATURE], document.subject),
)


def stated(signatures: SignatureInputs | None) -> VerdictStatement:
    """The statement of a verdict that judged by these, read back."""
    judged = verdict(Outcome.GO, START)
    judged = replace(judged, inputs=replace(judged.inputs, signatures=signatures))
    about = Subjects(digests=(DIGEST,), name="shop", resource="x")
    body = write_statement(judged, b"{}", about, START.replace(year=2027), Circumstances())
    return read_verdict_statement(read_statement(body), body)


@given(DOCUMENTS, st.data())
def test_what_is_named_is_found_again_whatever_came_after_it(
    documents: list[SignedDocument], data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, len(documents)))
    found = SignedDocuments(documents=tuple(documents[:count]), unseen=("x",), subjects=(DIGEST, INDEX))
    handed = handed_to_rules(found)
    assert handed == handed_to_rules(replace(found, documents=found.documents[::-1]))
    statement = stated(handed.inputs)
    assert isinstance(statement.own.signatures, StatementSignatures)
    later = data.draw(st.permutations(documents))
    now = handed_to_rules(SignedDocuments(documents=tuple(later), subjects=(DIGEST, INDEX)))
    again = as_stated(now, statement.own.signatures, DIGEST)
    assert again == handed
    assert stated(again.inputs).payload == statement.payload


@given(DOCUMENTS.filter(bool))
def test_a_document_that_is_gone_or_another_now_is_missed(documents: list[SignedDocument]) -> None:
    found = SignedDocuments(documents=tuple(documents), subjects=(DIGEST,))
    named = stated(handed_to_rules(found).inputs).own.signatures
    assert isinstance(named, StatementSignatures)
    first, *others = documents
    for changed in ([], [replace(first, annotations={SIGNATURE: "other"})], [replace(first, body=b"other")]):
        now = handed_to_rules(replace(found, documents=(*changed, *others)))
        with pytest.raises(OtherSignatures, match="other signatures than the statement names"):
            as_stated(now, named, DIGEST)


def test_an_index_that_is_not_known_to_list_the_image_lends_it_no_signature() -> None:
    named = StatementSignatures(documents=(), subjects=(DIGEST, INDEX), unseen=())
    with pytest.raises(OtherSignatures, match=INDEX):
        as_stated(handed_to_rules(SignedDocuments(subjects=(DIGEST,))), named, DIGEST)
    as_stated(handed_to_rules(SignedDocuments(subjects=(DIGEST, INDEX))), named, DIGEST)


def test_none_asked_none_could_look_none_were_there_and_some_unseen_are_told_apart() -> None:
    nothing = SignatureInputs(subjects=(DIGEST,))
    payloads = [payload(), *(stated(it).payload for it in (None, nothing, replace(nothing, unseen=("503",))))]
    assert len(set(payloads)) == 4
    assert b"signatures" not in payloads[0]
    assert read_verdict_statement(read_statement(payloads[0]), payloads[0]).own.signatures is UNSET
    assert stated(None).own.signatures is None


def test_documents_are_among_the_input_attestations_by_their_bytes() -> None:
    one = SignedDocument(place="sha256:1", media_type=SIMPLE_SIGNING, body=b"x", subject=DIGEST)
    other = replace(one, annotations={SIGNATURE: "b"})
    inputs = handed_to_rules(SignedDocuments(documents=(one, other), subjects=(DIGEST,))).inputs
    assert len({document.handed for document in inputs.documents}) == 2
    predicate = json.loads(stated(inputs).payload)["predicate"]
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # sha256sum of x
    assert predicate["inputAttestations"] == [{"digest": {"sha256": digest}, "uri": "sha256:1"}]


def test_no_verdict_rests_on_one_of_hullmarks() -> None:
    own = bundle(Outcome.GO, 0).envelope
    signed = json.dumps(Signer().envelope(own.payload)).encode()
    others = json.dumps(
        Signer().envelope(own.payload.replace(b"urn:hullmark:verifier", b"https://else.example"))
    ).encode()
    documents = tuple(
        SignedDocument(place=f"sha256:{number}", media_type=kind, body=body, subject=DIGEST)
        for number, (kind, body) in enumerate(((DSSE, signed), (DSSE, others), (BUNDLE, b"{")))
    )
    handed = handed_to_rules(SignedDocuments(documents=documents)).documents
    assert [document.place for document in handed.documents] == ["sha256:1", "sha256:2"]


def test_what_is_unseen_is_bounded_and_the_rest_counted() -> None:
    unseen = handed_to_rules(SignedDocuments(unseen=("x" * 1000,) * 150)).documents.unseen
    assert (len(unseen), max(map(len, unseen)), unseen[-1]) == (101, 500, "50 more could not be seen")
