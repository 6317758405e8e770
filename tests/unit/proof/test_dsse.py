"""DSSE envelopes: what is read, who is found to have signed, which keys can be used; and damage."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.errors import HullmarkError
from hullmark.proof.dsse import Envelope, pre_authentication, read_envelope, read_keys, signer_of
from tests.support.attestations import IN_TOTO, Signer
from tests.support.images import Json
from tests.support.shelves import key_pair, openssl

SIGNER, OTHER = Signer(), Signer()
KEYS = read_keys(SIGNER.public, "the key")


def read(envelope: Json) -> Envelope:
    return read_envelope(json.dumps(envelope).encode())


def test_what_is_signed_is_encoded_as_the_protocol_has_it() -> None:
    # The example of protocol.md.
    assert (
        pre_authentication("http://example.com/HelloWorld", b"hello world")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert pre_authentication("\u00e9", b"") == b"DSSEv1 2 \xc3\xa9 0 "


def test_the_signer_is_found_among_keys() -> None:
    envelope = read(SIGNER.envelope(b"{}"))
    assert (envelope.payload_type, envelope.payload) == (IN_TOTO, b"{}")
    both = read_keys(OTHER.public + SIGNER.public, "the keys")
    assert signer_of(envelope, both) == SIGNER.fingerprint == KEYS[0].fingerprint
    assert signer_of(envelope, both[:1]) == ""
    assert signer_of(envelope, ()) == ""


def test_one_good_signature_among_bad_ones_is_enough_and_its_place_does_not_matter() -> None:
    envelope = SIGNER.envelope(b"{}")
    good = envelope["signatures"]
    bad = [{"sig": "AAAA"}, {"sig": "no base64"}, {}, *OTHER.envelope(b"{}")["signatures"]]
    assert signer_of(read({**envelope, "signatures": [*bad, *good]}), KEYS) == SIGNER.fingerprint
    assert signer_of(read({**envelope, "signatures": bad}), KEYS) == ""
    assert signer_of(read({**envelope, "signatures": []}), KEYS) == ""


def test_payload_and_signature_may_be_in_the_alphabet_for_urls() -> None:
    envelope = SIGNER.envelope(b"\xff\xfe\xfb" * 9)
    alphabet = str.maketrans("+/", "-_")
    in_urls = {
        **envelope,
        "payload": envelope["payload"].translate(alphabet),
        "signatures": [{"sig": signature["sig"].translate(alphabet)} for signature in envelope["signatures"]],
    }
    assert "_" in in_urls["payload"]
    assert signer_of(read(in_urls), KEYS) == SIGNER.fingerprint


@given(st.data())
def test_a_signature_holds_for_its_own_payload_and_type_alone(data: st.DataObject) -> None:
    payload = data.draw(st.binary(max_size=40))
    other = data.draw(st.binary(max_size=40).filter(lambda each: each != payload))
    kind = data.draw(st.text(max_size=8).filter(lambda each: each != IN_TOTO))
    envelope = SIGNER.envelope(payload)
    assert signer_of(read(envelope), KEYS) == SIGNER.fingerprint
    assert signer_of(read({**envelope, "payload": base64.b64encode(other).decode()}), KEYS) == ""
    assert signer_of(read({**envelope, "payloadType": kind}), KEYS) == ""


@given(
    st.binary(max_size=300)
    | st.binary(max_size=40).map(lambda noise: json.dumps(SIGNER.envelope(b"")).encode() + noise)
)
def test_any_bytes_are_an_envelope_or_a_value_error(body: bytes) -> None:
    with contextlib.suppress(ValueError):
        read_envelope(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["sig", "payload", "x"]), inner),
    max_leaves=9,
)


@given(JSON, JSON, JSON, st.binary(max_size=90))
def test_any_envelope_is_read_or_a_value_error_and_nobody_signed_it(
    kind: object, payload: object, signatures: object, signature: bytes
) -> None:
    good = {"payloadType": IN_TOTO, "payload": "e30=", "signatures": [{"sig": base64.b64encode(signature).decode()}]}
    for bent in ({"payloadType": kind}, {"payload": payload}, {"signatures": signatures}, {}):
        try:
            envelope = read({**good, **bent})
        except ValueError:
            continue
        assert signer_of(envelope, (*KEYS, *ED25519)) == ""


def test_deep_nesting_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="not a DSSE envelope"):
        read_envelope(b'{"payloadType": ' + b"[" * 100_000)


ED25519 = read_keys(
    ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "the key",
)


@pytest.mark.parametrize("kind", ["ed25519", "ec", "rsa"])
def test_what_openssl_signed_is_verified(tmp_path: Path, kind: str) -> None:
    made = {"ed25519": key_pair, "ec": _curve, "rsa": _rsa}
    private, public = made[kind](tmp_path)
    (tmp_path / "signed").write_bytes(pre_authentication(IN_TOTO, b"{}"))
    how = ("-rawin",) if kind == "ed25519" else ("-rawin", "-digest", "sha256")
    openssl("pkeyutl", "-sign", *how, "-inkey", private, "-in", tmp_path / "signed", "-out", tmp_path / "sig")
    signature = base64.b64encode((tmp_path / "sig").read_bytes()).decode()
    envelope = read({"payloadType": IN_TOTO, "payload": "e30=", "signatures": [{"sig": signature}]})
    keys = read_keys(public.read_bytes(), "the key")
    assert signer_of(envelope, keys) == keys[0].fingerprint


def _rsa(folder: Path) -> tuple[Path, Path]:
    private, public = folder / "rsa.pem", folder / "rsa.pub"
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", private)
    openssl("pkey", "-in", private, "-pubout", "-out", public)
    return private, public


def _curve(folder: Path) -> tuple[Path, Path]:
    private, public = folder / "ec.pem", folder / "ec.pub"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", private)
    openssl("pkey", "-in", private, "-pubout", "-out", public)
    return private, public


def _public(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


PRIVATE = SIGNER.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
BAD_KEYS = [
    (b"", "holds no public key"),
    (b"-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----", "holds no public key"),
    (PRIVATE, "holds a private key"),
    (b"-----BEGIN PUBLIC KEY-----\nMAAA\n-----END PUBLIC KEY-----", "cannot be read"),
    (_public(ec.generate_private_key(ec.SECP384R1())), "of another kind"),
    (_public(rsa.generate_private_key(65537, 1024)), "of another kind"),  # noqa: S505 - it must be refused
    (SIGNER.public * 17, "more than 16 keys"),
]


@pytest.mark.parametrize(("pem", "message"), BAD_KEYS)
def test_what_is_no_key_to_verify_with_is_refused(pem: bytes, message: str) -> None:
    with pytest.raises(HullmarkError, match=message) as caught:
        read_keys(pem, "key.pub")
    assert str(caught.value).startswith(("key.pub ", "a key in key.pub ", "a public key in key.pub "))
    assert caught.value.advice


@given(
    st.binary(max_size=200)
    | st.binary(max_size=90).map(
        lambda body: b"-----BEGIN PUBLIC KEY-----" + base64.b64encode(body) + b"-----END PUBLIC KEY-----"
    )
)
def test_any_bytes_are_keys_or_refused(pem: bytes) -> None:
    with pytest.raises(HullmarkError):
        read_keys(pem, "it")
