"""Certificates and keys in files, as the formats' makers write them."""

from __future__ import annotations

import base64
import shutil
import struct
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as formats
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.certificates.items import MAX_BLOCKS
from hullmark.model.certificate import Certificate, PrivateKey, Unread
from tests.support.keytool import KEYTOOL
from tests.unit.facets.certificates.plain import plain_items

RSA = rsa.generate_private_key(65537, 1024)  # noqa: S505 — it is to be found weak
OPEN, LOCKED = formats.NoEncryption(), formats.BestAvailableEncryption(b"secret")
PEM, DER = formats.Encoding.PEM, formats.Encoding.DER
PKCS8, OPENSSL, OPENSSH = (
    formats.PrivateFormat.PKCS8,
    formats.PrivateFormat.TraditionalOpenSSL,
    formats.PrivateFormat.OpenSSH,
)


def certificate(name: str) -> x509.Certificate:
    """A certificate that signs itself, valid to 2031."""
    return signed_by(RSA, RSA.public_key(), hashes.SHA256(), name)


def signed_by(key: Any, public: Any, hashed: Any, name: str = "three") -> x509.Certificate:
    """A certificate of a public key that a key signs."""
    names = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder(names, names, public, 7)
    made = made.not_valid_before(datetime(2021, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2031, 1, 1, tzinfo=UTC))
    signed: x509.Certificate = made.sign(key, hashed)
    return signed


CERTIFICATE, OTHER = certificate("one"), certificate("two")


@pytest.mark.parametrize(
    ("encoding", "form"), [(PEM, PKCS8), (PEM, OPENSSL), (PEM, OPENSSH), (DER, PKCS8), (DER, OPENSSL)]
)
def test_an_open_key_tells_its_kind_and_size(encoding: Any, form: Any) -> None:
    assert list(plain_items(RSA.private_bytes(encoding, form, OPEN))) == [
        PrivateKey(number=1, is_encrypted=False, key="rsa", bits=1024)
    ]


@pytest.mark.parametrize(("encoding", "form"), [(PEM, PKCS8), (PEM, OPENSSL), (DER, PKCS8)])
def test_a_key_with_a_password_is_one(encoding: Any, form: Any) -> None:
    assert list(plain_items(RSA.private_bytes(encoding, form, LOCKED))) == [PrivateKey(number=1, is_encrypted=True)]


@pytest.mark.parametrize(
    ("make", "key", "bits"),
    [(lambda: ec.generate_private_key(ec.SECP192R1()), "ec", 192), (ed25519.Ed25519PrivateKey.generate, "ed25519", 0)],
)
def test_other_keys_have_names_and_sizes(make: Callable[[], Any], key: str, bits: int) -> None:
    body = make().private_bytes(PEM, PKCS8, OPEN)
    assert list(plain_items(body)) == [PrivateKey(number=1, is_encrypted=False, key=key, bits=bits)]


def test_a_store_with_a_password_of_its_own_holds_a_key_as_far_as_can_be_told() -> None:
    store = pkcs12.serialize_key_and_certificates(b"name", RSA, None, None, LOCKED)
    assert list(plain_items(store)) == [PrivateKey(number=1, is_encrypted=True)]


def test_a_store_with_the_password_that_java_s_tools_begin_with_is_open() -> None:
    locked = formats.BestAvailableEncryption(b"changeit")
    store = pkcs12.serialize_key_and_certificates(b"name", RSA, CERTIFICATE, [OTHER], locked)
    key, first, second = plain_items(store)
    assert key == PrivateKey(number=1, is_encrypted=False, key="rsa", bits=1024)
    assert [each.name for each in (first, second) if isinstance(each, Certificate)] == ["CN=one", "CN=two"]


def jks(*entries: bytes, magic: bytes = b"\xfe\xed\xfe\xed") -> bytes:
    """A key store as Java writes it, with a digest that nobody can check without the password."""
    return magic + struct.pack(">II", 2, len(entries)) + b"".join(entries) + bytes(20)


def jks_certificate(certificate: x509.Certificate, *, head: bytes = struct.pack(">IH1sQ", 2, 1, b"a", 0)) -> bytes:
    der = certificate.public_bytes(DER)
    return head + struct.pack(">H5sI", 5, b"X.509", len(der)) + der


def test_java_s_own_stores_tell_their_certificates_and_that_there_are_keys() -> None:
    key = struct.pack(">IH1sQI3sI", 1, 1, b"k", 0, 3, b"xyz", 1) + jks_certificate(OTHER, head=b"")
    trusted, private, chained = plain_items(jks(jks_certificate(CERTIFICATE), key))
    assert isinstance(trusted, Certificate)
    assert (trusted.name, trusted.ends.year) == ("CN=one", 2031)
    assert private == PrivateKey(number=2, is_encrypted=True)
    assert isinstance(chained, Certificate)
    assert chained.name == "CN=two"


@pytest.mark.parametrize("cut", [0, 1, 30, 200])
def test_a_store_that_was_cut_short_says_so_after_what_it_still_tells(cut: int) -> None:
    whole = jks(jks_certificate(CERTIFICATE), jks_certificate(OTHER))
    items = list(plain_items(whole[: 12 + cut]))
    assert isinstance(items[-1], Unread)
    assert items[-1].may_be_key


def test_a_store_that_keytool_writes_is_read(tmp_path: Path) -> None:
    if shutil.which("keytool") is None:
        pytest.skip("keytool is not installed")
    store = tmp_path / "store"
    command = "-genkeypair -storetype JKS -alias x -keyalg RSA -keysize 2048 -dname CN=three -storepass secret1"
    subprocess.run([*KEYTOOL, *command.split(), "-keystore", str(store)], check=True, capture_output=True)
    key, certificate = plain_items(store.read_bytes())
    assert key == PrivateKey(number=1, is_encrypted=True)
    assert isinstance(certificate, Certificate)
    assert (certificate.name, certificate.key, certificate.bits) == ("CN=three", "rsa", 2048)


def test_putty_s_keys_are_keys() -> None:
    putty = b"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nComment: x\n"
    assert list(plain_items(putty)) == [PrivateKey(number=1, is_encrypted=False)]


def test_a_public_key_is_nothing_to_speak_of() -> None:
    public = RSA.public_key()
    assert list(plain_items(public.public_bytes(PEM, formats.PublicFormat.SubjectPublicKeyInfo))) == []
    assert list(plain_items(public.public_bytes(DER, formats.PublicFormat.SubjectPublicKeyInfo))) == []


def test_a_file_of_very_many_parts_is_not_read_to_its_end() -> None:
    items = list(plain_items(b"-----BEGIN PRIVATE KEY-----\n" * (MAX_BLOCKS + 1)))
    assert isinstance(items[0], Unread)
    assert len(items) == MAX_BLOCKS + 1


_PARTS = st.sampled_from(
    [
        b"-----BEGIN CERTIFICATE-----",
        b"-----END CERTIFICATE-----",
        b"-----BEGIN OPENSSH PRIVATE KEY-----",
        b"\x30\x82",
        b"\xfe\xed\xfe\xed",
        b"\0\0\0\1",
        b"AAAA",
        b"\n",
    ]
)


@given(st.binary(max_size=80) | st.lists(_PARTS | st.binary(max_size=9), max_size=9).map(b"".join))
def test_any_bytes_give_items_and_no_error(body: bytes) -> None:
    assert all(plain_items(body))


def test_a_certificate_in_der_alone_is_one() -> None:
    (item,) = plain_items(CERTIFICATE.public_bytes(DER))
    assert isinstance(item, Certificate)
    assert (item.name, item.key, item.bits, item.hash_name) == ("CN=one", "rsa", 1024, "sha256")


def test_certificates_signed_or_keyed_in_ways_that_are_not_known_are_told_as_far_as_they_are() -> None:
    sha256, md2 = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010102")
    p256, unknown = bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d03017f")
    (old,) = plain_items(CERTIFICATE.public_bytes(DER).replace(sha256, md2))
    edwards, curve = ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())
    (modern,) = plain_items(signed_by(edwards, edwards.public_key(), None).public_bytes(DER))
    odd_body = signed_by(RSA, curve.public_key(), hashes.SHA256()).public_bytes(DER).replace(p256, unknown)
    (odd,) = plain_items(odd_body)
    assert [
        (item.key, item.bits, item.hash_name) if isinstance(item, Certificate) else item for item in (old, modern, odd)
    ] == [("rsa", 1024, "unknown"), ("ed25519", 0, ""), ("unknown", 0, "sha256")]


@pytest.mark.parametrize(
    ("body", "is_encrypted"),
    [
        (b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQVY\n-----END PGP PRIVATE KEY BLOCK-----\n", False),
        (
            b"-----BEGIN OPENSSH PRIVATE KEY-----\n"
            + base64.encodebytes(b"openssh-key-v1\0\0\0\0\x0aaes256-ctr\0\0\0\6bcrypt")
            + b"-----END OPENSSH PRIVATE KEY-----\n",
            True,
        ),
    ],
)
def test_keys_whose_inside_is_not_read_are_keys(body: bytes, is_encrypted: bool) -> None:
    assert list(plain_items(body)) == [PrivateKey(number=1, is_encrypted=is_encrypted)]


def test_base64_that_is_damaged_hides_no_key_beside_it() -> None:
    key = RSA.private_bytes(PEM, PKCS8, OPEN)
    damaged = base64.b64encode(key).rstrip(b"=")[:201]
    assert len(damaged) % 4 == 1
    assert list(plain_items(b"a: " + damaged + b"\nb: " + base64.b64encode(key))) == [
        PrivateKey(number=1, is_encrypted=False, key="rsa", bits=1024)
    ]


def test_old_and_secret_entries_of_java_s_stores_are_told() -> None:
    der = CERTIFICATE.public_bytes(DER)
    old = b"\xfe\xed\xfe\xed" + struct.pack(">II", 1, 1) + struct.pack(">IH1sQI", 2, 1, b"a", 0, len(der)) + der
    (trusted,) = plain_items(old + bytes(20))
    assert isinstance(trusted, Certificate)
    assert trusted.name == "CN=one"
    secret = struct.pack(">IH1sQ", 3, 1, b"s", 0) + b"\xac\xed\0\5sr"
    jceks = b"\xce\xce\xce\xce"
    first, second = plain_items(jks(jks_certificate(CERTIFICATE), secret, magic=jceks))
    assert isinstance(first, Certificate)
    assert second == PrivateKey(number=2, is_encrypted=True)
    assert plain_items(jks(secret, jks_certificate(CERTIFICATE), magic=jceks)) == [
        PrivateKey(number=1, is_encrypted=True),
        Unread("it holds a secret key, and what follows it is not read", may_be_key=True),
    ]
