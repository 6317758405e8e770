"""Certificates and keys in files, as the formats' makers write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as formats
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from hypothesis import given
from hypothesis import strategies as st

from hullmark.policy.gate import CannotTell, Violation
from hullmark.policy.gates.certificates import PrivateKeys, private_key
from hullmark.policy.keys import MAX_BLOCKS, PrivateKey, Unread, items_in
from tests.unit.policy.building import facts, file

RSA = rsa.generate_private_key(65537, 1024)  # noqa: S505 — it is to be found weak
OPEN, LOCKED = formats.NoEncryption(), formats.BestAvailableEncryption(b"secret")
PEM, DER = formats.Encoding.PEM, formats.Encoding.DER
PKCS8, OPENSSL, OPENSSH = (
    formats.PrivateFormat.PKCS8,
    formats.PrivateFormat.TraditionalOpenSSL,
    formats.PrivateFormat.OpenSSH,
)


@pytest.mark.parametrize(
    ("encoding", "form"), [(PEM, PKCS8), (PEM, OPENSSL), (PEM, OPENSSH), (DER, PKCS8), (DER, OPENSSL)]
)
def test_an_open_key_tells_its_kind_and_size(encoding: Any, form: Any) -> None:
    assert list(items_in(RSA.private_bytes(encoding, form, OPEN))) == [
        PrivateKey(number=1, is_encrypted=False, key="rsa", bits=1024)
    ]


@pytest.mark.parametrize(("encoding", "form"), [(PEM, PKCS8), (PEM, OPENSSL), (DER, PKCS8)])
def test_a_key_with_a_password_is_one(encoding: Any, form: Any) -> None:
    assert list(items_in(RSA.private_bytes(encoding, form, LOCKED))) == [PrivateKey(number=1, is_encrypted=True)]


@pytest.mark.parametrize(
    ("make", "key", "bits"),
    [(lambda: ec.generate_private_key(ec.SECP192R1()), "ec", 192), (ed25519.Ed25519PrivateKey.generate, "ed25519", 0)],
)
def test_other_keys_have_names_and_sizes(make: Callable[[], Any], key: str, bits: int) -> None:
    body = make().private_bytes(PEM, PKCS8, OPEN)
    assert list(items_in(body)) == [PrivateKey(number=1, is_encrypted=False, key=key, bits=bits)]


def test_a_key_store_and_putty_s_keys_hold_keys() -> None:
    store = pkcs12.serialize_key_and_certificates(b"name", RSA, None, None, LOCKED)
    assert list(items_in(store)) == [PrivateKey(number=1, is_encrypted=True)]
    putty = b"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nComment: x\n"
    assert list(items_in(putty)) == [PrivateKey(number=1, is_encrypted=False)]


def test_a_public_key_is_nothing_to_speak_of() -> None:
    public = RSA.public_key()
    assert list(items_in(public.public_bytes(PEM, formats.PublicFormat.SubjectPublicKeyInfo))) == []
    assert list(items_in(public.public_bytes(DER, formats.PublicFormat.SubjectPublicKeyInfo))) == []


def test_a_file_of_very_many_parts_is_not_read_to_its_end() -> None:
    items = list(items_in(b"-----BEGIN PRIVATE KEY-----\n" * (MAX_BLOCKS + 1)))
    assert isinstance(items[0], Unread)
    assert len(items) == MAX_BLOCKS + 1


_PARTS = st.sampled_from(
    [
        b"-----BEGIN CERTIFICATE-----",
        b"-----END CERTIFICATE-----",
        b"-----BEGIN OPENSSH PRIVATE KEY-----",
        b"\x30\x82",
        b"AAAA",
        b"\n",
    ]
)


@given(st.binary(max_size=80) | st.lists(_PARTS | st.binary(max_size=9), max_size=9).map(b"".join))
def test_any_bytes_give_items_and_no_error(body: bytes) -> None:
    assert all(items_in(body))


def test_a_key_that_was_not_read_cannot_be_told_and_the_key_is_not_shown() -> None:
    body = RSA.private_bytes(PEM, PKCS8, OPEN)
    seen = facts(files=[file("/a.key", size=9), file("/b.key", size=9)], contents={"/a.key": body, "/b.key": None})
    first, second = private_key(PrivateKeys(), seen)
    assert isinstance(first, Violation)
    assert isinstance(second, CannotTell)
    assert body.decode().split("\n")[1] not in f"{first}"


def test_open_keys_only_if_so_asked() -> None:
    body = RSA.private_bytes(PEM, PKCS8, LOCKED)
    seen = facts(files=[file("/a.key", size=9)], contents={"/a.key": body})
    assert list(private_key(PrivateKeys(encrypted=False), seen)) == []
