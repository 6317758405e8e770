"""When what certificates of Sigstore's signed counts, where no log has to say when that was."""

from __future__ import annotations

import json
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.signed_document import SIMPLE_SIGNING, SignedDocument
from hullmark.proof.deadlines import deadlines_of
from tests.support.attestations import BUNDLE
from tests.support.sigstore import LEAF_REQUEST, Sigstore

DIGEST = "sha256:" + "1" * 64
SIGSTORE = Sigstore()
ENDS = LEAF_REQUEST.begin + LEAF_REQUEST.lasts + timedelta(microseconds=1)


def document(body: bytes, kind: str = BUNDLE, **annotations: str) -> SignedDocument:
    return SignedDocument(place=DIGEST, media_type=kind, body=body, subject=DIGEST, annotations=annotations)


def test_they_are_those_of_the_certificate() -> None:
    leaf = SIGSTORE.leaf()
    made = (
        document(json.dumps(SIGSTORE.bundle(b"{}", leaf)).encode()),
        document(json.dumps(SIGSTORE.message(b"{}", leaf)).encode()),
        document(b"{}", SIMPLE_SIGNING, **SIGSTORE.annotations(b"{}", leaf)),
    )
    for each in made:
        assert deadlines_of(each, ignores_log=True) == (LEAF_REQUEST.begin, ENDS)
        assert deadlines_of(each, ignores_log=False) == ()


@given(st.binary(max_size=100), st.sampled_from((BUNDLE, SIMPLE_SIGNING, "application/jose+json", "")))
def test_any_bytes_have_moments_or_none(body: bytes, kind: str) -> None:
    assert deadlines_of(document(body, kind), ignores_log=True) == ()
