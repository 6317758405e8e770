"""Signing without a key: what Fulcio and Rekor answer is looked at before anybody is told that it is a signature."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hullmark.app.keyless import KeylessSigning, sign_keyless
from hullmark.model.errors import HullmarkError
from hullmark.net.http import Client, HttpSettings
from hullmark.proof.bundle import read_bundle
from tests.support.attestations import statement_about
from tests.support.images import Blobs, to_json
from tests.support.registry import FakeRegistry
from tests.support.sigstore import Sigstore, pem
from tests.support.sigstore_services import TOKEN, services

STATEMENT = json.dumps(statement_about(f"sha256:{'1' * 64}", {}, "https://example.org/x")).encode()
SIGSTORE = Sigstore()


@pytest.fixture(scope="module")
def rekor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where Rekor listens, and Fulcio as it should be."""
    folder: Path = tmp_path_factory.mktemp("sigstore")
    with services(SIGSTORE, folder) as found:
        yield found.url


def signed_by(rekor: str, *certificates: str) -> bytes:
    """The bundle that is made where Fulcio answers with these certificates; with its own where there are none."""
    client = Client(HttpSettings(environment={}, retries=0, timeout=5, sleep=lambda _: None))
    now = datetime.now(UTC)
    with FakeRegistry(Blobs()).running() as fulcio:
        chain = {"signedCertificateEmbeddedSct": {"chain": {"certificates": list(certificates)}}}
        fulcio.answers = [(201, {}, to_json(chain))]
        where = KeylessSigning(fulcio=fulcio.url if certificates else rekor, rekor=rekor, token=TOKEN)
        return sign_keyless(STATEMENT, where, client, now).bundle


def test_a_statement_is_signed_by_the_certificate_that_was_issued_for_it(rekor: str) -> None:
    bundle = read_bundle(signed_by(rekor))
    assert bundle.has_certificate
    assert bundle.envelope.payload == STATEMENT


def test_a_certificate_of_another_key_is_not_taken(rekor: str) -> None:
    with pytest.raises(HullmarkError) as caught:
        signed_by(rekor, pem(SIGSTORE.leaf().certificate).decode())
    assert str(caught.value) == "what Fulcio and Rekor answered is not right: the certificate is of another key"
    assert caught.value.advice == "check --fulcio-url and --rekor-url"


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n",
        2 * pem(SIGSTORE.leaf().certificate).decode(),
    ],
)
def test_what_is_not_one_certificate_is_not_taken(rekor: str, text: str) -> None:
    with pytest.raises(HullmarkError) as caught:
        signed_by(rekor, text)
    assert str(caught.value).startswith("what Fulcio answered is not right: ")
    assert caught.value.advice == "check --fulcio-url"
