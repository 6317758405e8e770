"""Timestamps (RFC 3161) with one thing changed: each of them proves nothing, and says why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256 as SHA256_HASH
from cryptography.x509.oid import ExtendedKeyUsageOID

from hullmark.proof.sigstore.der import DamagedDer, parts_of
from hullmark.proof.sigstore.refusal import NotVerified
from hullmark.proof.sigstore.timestamp import stamped_at
from tests.support.sigstore import Leaf, LeafRequest, Sigstore
from tests.unit.proof.test_sigstore import ROOT, SIGSTORE, root_in

DOCUMENT = b"it"
SIGNED_DATA, INFO = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x04"
SHA256 = b"\x60\x86\x48\x01\x65\x03\x04\x02\x01"
ECDSA = b"\x2a\x86\x48\xce\x3d\x04\x03\x02"


@pytest.fixture(scope="module")
def stamp(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A response of just now, as openssl makes it."""
    return SIGSTORE.stamp(DOCUMENT, tmp_path_factory.mktemp("tsa") / "tsa")


def _last(body: bytes, old: bytes, new: bytes) -> bytes:
    at = body.rindex(old)
    return body[:at] + new + body[at + len(old) :]


def refusal(response: bytes) -> str:
    """Why it proves nothing."""
    with pytest.raises(NotVerified) as refused:
        stamped_at(response, DOCUMENT, ROOT.timestamp_authorities)
    return str(refused.value)


def test_a_bare_token_is_a_timestamp_as_its_response_is(stamp: bytes) -> None:
    """Some services answer with the token alone."""
    at = stamped_at(stamp, DOCUMENT, ROOT.timestamp_authorities)
    _, token = parts_of(parts_of(stamp)[0].content)
    assert stamped_at(token.raw, DOCUMENT, ROOT.timestamp_authorities) == at


def test_one_change_is_enough_and_is_told(stamp: bytes) -> None:
    """The status of the response, the kinds of its parts, the hash, the time, the algorithm."""
    assert stamp[stamp.index(b"\x30\x03\x02\x01\x00") :]
    changes = (
        (stamp.replace(b"\x30\x03\x02\x01\x00", b"\x30\x03\x02\x01\x02", 1), "its timestamp was not granted"),
        (stamp.replace(SIGNED_DATA, SIGNED_DATA[:-1] + b"\x03", 1), "it is not signed data"),
        (stamp.replace(INFO, INFO[:-1] + b"\x05", 1), "it is not a timestamp"),
        (_last(stamp, SHA256, SHA256[:-1] + b"\x07"), "its hash is of another kind than SHA-2"),
        (_last(stamp, ECDSA, ECDSA[:-1] + b"\x09"), "its timestamp is signed by an algorithm that is not known"),
        (b"", "it is cut short, or of an unknown kind"),
    )
    for response, reason in changes:
        assert reason in refusal(response)


@pytest.mark.parametrize(("bits", "counts"), [(2048, True), (1024, False)])
def test_a_service_may_sign_by_rsa_with_a_key_of_a_usual_size(tmp_path: Path, bits: int, counts: bool) -> None:
    """Many of them do; a short key can be broken."""
    place = Sigstore()
    key = rsa.generate_private_key(65537, bits)
    request = LeafRequest(
        begin=datetime(2024, 6, 1, tzinfo=UTC), lasts=timedelta(days=3650), usage=ExtendedKeyUsageOID.TIME_STAMPING
    )
    public: Any = key.public_key()
    made = place.timestamps.start(public, request, "rsa stamper", critical_usage=True)
    private: Any = key
    place.__dict__["_stamper"] = Leaf(private, made.sign(place.timestamps.key, SHA256_HASH()))
    response = place.stamp(DOCUMENT, tmp_path / "tsa")
    authorities = root_in(place.trusted_root()).timestamp_authorities
    if counts:
        assert stamped_at(response, DOCUMENT, authorities).tzinfo is UTC
    else:
        with pytest.raises(NotVerified, match="an RSA key of 1024 bits, too short to be trusted"):
            stamped_at(response, DOCUMENT, authorities)


@pytest.mark.parametrize("time", [b"20261332250000Z", b"2026-03-01 00:0"])
def test_a_time_that_is_not_in_the_calendar_is_refused(stamp: bytes, time: bytes) -> None:
    """What is signed is read before the signature is."""
    at = stamp.index(b"\x18\x0f")
    assert "it has a time that is not valid" in refusal(stamp[: at + 2] + time + stamp[at + 17 :])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\5\0" * 257, "it has too many parts"),
        (b"\4\x81\x05hello", "a length that is not in its shortest form"),
        (b"\4\x82\0\x85" + bytes(0x85), "a length that is not in its shortest form"),
        (b"\4\x80", "a length that is not valid"),
        (b"\4\x05hell", "it is cut short"),
    ],
)
def test_values_in_another_form_than_the_distinguished_one_are_refused(body: bytes, reason: str) -> None:
    """There is one form of each value: what is signed could be read in two ways otherwise."""
    with pytest.raises(DamagedDer, match=reason):
        parts_of(body)
