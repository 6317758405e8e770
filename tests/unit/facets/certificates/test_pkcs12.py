"""PKCS #12 files of several makers, and such as are made to take long."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives import serialization as formats
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.facets.certificates.ber import INTEGER, OBJECT, OCTETS, SEQUENCE, DamagedBer, elements, encode_value
from hullmark.facets.certificates.pkcs12 import MAX_ROUNDS, TooCostly, open_store
from hullmark.model.certificate import Certificate, PrivateKey, Unread
from tests.support.keytool import KEYTOOL
from tests.unit.facets.certificates.plain import plain_items
from tests.unit.facets.certificates.test_items import CERTIFICATE, DER, OPEN, OTHER, PEM, PKCS8, RSA

KNOWN = b"changeit"
COSTLY = "it asks for more work to open it than any program that makes such files"
DATA, ENCRYPTED = bytes.fromhex("2a864886f70d010701"), bytes.fromhex("2a864886f70d010706")
DAMAGED = "it is a key store that was cut short or is damaged"
SAFE = bytes.fromhex("2a864886f70d010c0a0106")
SHROUDED = bytes.fromhex("2a864886f70d010c0a0102")
CERT_BAG, X509 = bytes.fromhex("2a864886f70d010c0a0103"), bytes.fromhex("2a864886f70d01091601")
PBES2, PBKDF2, SCRYPT = (bytes.fromhex(f"2a864886f70d01050{n}") for n in "dc0")
AES = bytes.fromhex("60864801650304012a")


def store(rounds: int = 1000, *, key: Any = RSA, password: bytes = KNOWN, way: Any = None) -> bytes:
    """A store as the library makes it."""
    build = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(rounds)
    build = build.key_cert_algorithm(way or pkcs12.PBES.PBESv2SHA256AndAES256CBC)
    return pkcs12.serialize_key_and_certificates(
        b"a", key, CERTIFICATE if key else None, [OTHER], build.build(password)
    )


def told(body: bytes) -> list[str]:
    """The items in short."""
    return [
        item.reason if isinstance(item, Unread) else item.name if isinstance(item, Certificate) else f"key {item.key}"
        for item in plain_items(body)
    ]


def sealed(plain: bytes, rounds: int, actual: int | None = None) -> tuple[bytes, bytes]:
    """(algorithm, content): encrypted under the known password with PBES2; `actual` rounds where that is not what is said."""
    salt, iv = b"saltsalt", bytes(16)
    key = PBKDF2HMAC(hashes.SHA1(), 32, salt, actual or rounds).derive(KNOWN)  # noqa: S303
    pad = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    content = encryptor.update(pad.update(plain) + pad.finalize()) + encryptor.finalize()
    number = encode_value(INTEGER, rounds.to_bytes(5, "big").lstrip(b"\0") if rounds > 127 else bytes((rounds,)))
    kdf = encode_value(
        SEQUENCE, encode_value(OBJECT, PBKDF2), encode_value(SEQUENCE, encode_value(OCTETS, salt), number)
    )
    cipher = encode_value(SEQUENCE, encode_value(OBJECT, AES), encode_value(OCTETS, iv))
    return encode_value(SEQUENCE, encode_value(OBJECT, PBES2), encode_value(SEQUENCE, kdf, cipher)), content


def of_parts(*parts: bytes) -> bytes:
    """A file of these parts, without a check sum."""
    safe = encode_value(SEQUENCE, *parts)
    return encode_value(
        SEQUENCE,
        b"\2\1\3",
        encode_value(SEQUENCE, encode_value(OBJECT, DATA), encode_value(0xA0, encode_value(OCTETS, safe))),
    )


def encrypted(bags: bytes, rounds: int = 10) -> bytes:
    """An encrypted part."""
    algorithm, content = sealed(bags, rounds)
    info = encode_value(SEQUENCE, encode_value(OBJECT, DATA), algorithm, encode_value(0x80, content))
    return encode_value(
        SEQUENCE, encode_value(OBJECT, ENCRYPTED), encode_value(0xA0, encode_value(SEQUENCE, b"\2\1\0", info))
    )


def key_bag(rounds: int, actual: int = 10) -> bytes:
    """A key that is encrypted by itself."""
    algorithm, content = sealed(RSA.private_bytes(DER, PKCS8, OPEN), rounds, actual)
    return encode_value(
        SEQUENCE,
        encode_value(OBJECT, SHROUDED),
        encode_value(0xA0, encode_value(SEQUENCE, algorithm, encode_value(OCTETS, content))),
    )


def certificate_bag() -> bytes:
    """A certificate."""
    inner = encode_value(
        SEQUENCE, encode_value(OBJECT, X509), encode_value(0xA0, encode_value(OCTETS, OTHER.public_bytes(DER)))
    )
    return encode_value(SEQUENCE, encode_value(OBJECT, CERT_BAG), encode_value(0xA0, inner))


def plain(bags: bytes) -> bytes:
    """An open part."""
    return encode_value(SEQUENCE, encode_value(OBJECT, DATA), encode_value(0xA0, encode_value(OCTETS, bags)))


@pytest.mark.parametrize("way", [pkcs12.PBES.PBESv2SHA256AndAES256CBC, pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC])
def test_a_store_under_a_known_password_is_open(way: Any) -> None:
    for password in (KNOWN,):
        assert told(store(password=password, way=way)) == ["key rsa", "CN=one", "CN=two"]
        assert told(store(password=password, way=way, key=None)) == ["CN=two"]
    assert told(store(password=b"another", way=way)) == ["key "]


def test_a_store_without_encryption_is_open() -> None:
    body = pkcs12.serialize_key_and_certificates(b"a", RSA, CERTIFICATE, [OTHER], formats.NoEncryption())
    assert told(body) == ["key rsa", "CN=one", "CN=two"]


def test_a_store_that_asks_for_too_much_work_is_not_opened() -> None:
    assert told(store(MAX_ROUNDS // 2 + 1)) == [COSTLY]
    with pytest.raises(TooCostly):
        open_store(of_parts(plain(encode_value(SEQUENCE, key_bag(0xFFFF_FFFF)))))
    with pytest.raises(TooCostly):
        open_store(of_parts(encrypted(encode_value(SEQUENCE, certificate_bag()), MAX_ROUNDS // 2 + 1) * 2))


def test_the_work_that_scrypt_asks_for_is_the_product_of_its_numbers() -> None:
    def bag(*numbers: int) -> bytes:
        values = b"".join(encode_value(INTEGER, number.to_bytes(4, "big")) for number in numbers)
        kdf = encode_value(
            SEQUENCE, encode_value(OBJECT, SCRYPT), encode_value(SEQUENCE, encode_value(OCTETS, b"salt"), values)
        )
        way = encode_value(SEQUENCE, encode_value(OBJECT, PBES2), encode_value(SEQUENCE, kdf))
        return encode_value(
            SEQUENCE,
            encode_value(OBJECT, SHROUDED),
            encode_value(0xA0, encode_value(SEQUENCE, way, encode_value(OCTETS, bytes(32)))),
        )

    assert told(of_parts(plain(encode_value(SEQUENCE, bag(1 << 14, 8, 64))))) == [COSTLY]
    assert told(of_parts(plain(encode_value(SEQUENCE, bag(1 << 14, 8, 1))))) == ["key "]
    assert told(of_parts(plain(encode_value(SEQUENCE, bag(100_000, 32))))) == ["key "]


def test_a_key_in_an_encrypted_part_is_not_opened_whatever_it_asks_for_but_told() -> None:
    hidden = of_parts(encrypted(encode_value(SEQUENCE, key_bag(0x7FFF_FFFF), certificate_bag())))
    assert told(hidden) == ["CN=two", "it holds more than certificates in a part that is encrypted"]
    beside = of_parts(
        encrypted(encode_value(SEQUENCE, key_bag(0x7FFF_FFFF), certificate_bag())),
        plain(encode_value(SEQUENCE, key_bag(10))),
    )
    assert told(beside)[:2] == ["key rsa", "CN=two"]


def test_of_several_keys_each_is_told() -> None:
    assert told(of_parts(plain(encode_value(SEQUENCE, key_bag(10), key_bag(10), certificate_bag())))) == [
        "key rsa",
        "key ",
        "CN=two",
    ]


@pytest.mark.parametrize("size", [1, 10, 100, 1000])
def test_a_store_that_is_cut_short_says_so(size: int) -> None:
    assert told(store()[:-size])[-1:] in ([], ["it is a key store that was cut short or is damaged"])
    assert told(b"\x30\x80\x02\x01\x03" + b"\x30\x80" * 500) == ["it is a key store that was cut short or is damaged"]


@settings(max_examples=200)
@given(st.data())
def test_a_damaged_store_raises_nothing(data: st.DataObject) -> None:
    body = bytearray(SMALL)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    for item in plain_items(bytes(body)):
        assert isinstance(item, Certificate | PrivateKey | Unread)


SMALL = of_parts(encrypted(encode_value(SEQUENCE, certificate_bag())), plain(encode_value(SEQUENCE, key_bag(10))))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize(
    "options",
    [
        "-passout pass:",
        "-passout pass:changeit",
        "-passout pass:changeit -legacy",
        "-passout pass: -legacy",
        "-passout pass:changeit -nomac",
        "-passout pass:changeit -certpbe NONE",
        "-passout pass:changeit -keypbe NONE -certpbe NONE",
        "-passout pass:changeit -iter 20000 -maciter",
    ],
)
def test_what_openssl_makes_is_open(tmp_path: Path, options: str) -> None:
    (tmp_path / "in.pem").write_bytes(
        RSA.private_bytes(PEM, PKCS8, OPEN) + CERTIFICATE.public_bytes(PEM) + OTHER.public_bytes(PEM)
    )
    words = ["openssl", "pkcs12", "-export", "-in", "in.pem", "-out", "out.p12", *options.split()]
    made = subprocess.run(words, cwd=tmp_path, capture_output=True, check=False, timeout=60)
    if made.returncode:
        pytest.skip(f"this openssl does not know {options}")
    assert told((tmp_path / "out.p12").read_bytes()) == ["key rsa", "CN=one", "CN=two"]


@pytest.mark.skipif(shutil.which("keytool") is None, reason="keytool is not installed")
@pytest.mark.parametrize("password", ["changeit", "othersecret"])
def test_what_keytool_makes_is_told(tmp_path: Path, password: str) -> None:
    words = [*KEYTOOL, "-genkeypair", "-alias", "a", "-keyalg", "EC", "-storetype", "PKCS12", "-dname", "CN=java"]
    words += ["-keystore", "a.p12", "-storepass", password]
    subprocess.run(words, cwd=tmp_path, capture_output=True, check=True, timeout=60)
    expected = ["key ec", "CN=java"] if password == "changeit" else ["key "]  # noqa: S105
    assert told((tmp_path / "a.p12").read_bytes()) == expected


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", []),
        (b"\x04\x01a\x05\x00", [(0x04, b"a"), (0x05, b"")]),
        (b"\x04\x81\x80" + b"x" * 128, [(0x04, b"x" * 128)]),
        (b"\x30\x80\x04\x01a\x00\x00\x05\x00", [(0x30, b"\x04\x01a"), (0x05, b"")]),
        (b"\x30\x80\x30\x80\x00\x00\x00\x00", [(0x30, b"\x30\x80\x00\x00")]),
        (b"\x1f\x81\x01\x01a", [(0x1F, b"a")]),
    ],
)
def test_values_in_ber(body: bytes, found: list[tuple[int, bytes]]) -> None:
    assert [(element.tag, element.content) for element in elements(body)] == found
    assert b"".join(element.raw for element in elements(body)) == body


@pytest.mark.parametrize(
    "body",
    [b"\x04", b"\x04\x02a", b"\x04\x80a\0\0", b"\x30\x80", b"\x04\x85\0\0\0\0\1a", b"\x1f\x81", b"\x30\x80" * 100],
)
def test_what_is_no_ber_is_damaged(body: bytes) -> None:
    with pytest.raises(DamagedBer):
        list(elements(body))


@given(st.binary(max_size=300), st.sampled_from([0x04, 0x30, 0xA0]))
def test_what_is_written_is_read(content: bytes, tag: int) -> None:
    (element,) = elements(encode_value(tag, content))
    assert (element.tag, element.content) == (tag, content)


def test_octets_in_pieces_are_one() -> None:
    pieces = encode_value(
        0x24, encode_value(OCTETS, b"ab"), encode_value(0x24, encode_value(OCTETS, b"c")), encode_value(OCTETS, b"d")
    )
    assert next(elements(pieces)).octets() == b"abcd"


def test_octets_in_pieces_of_pieces_without_end_are_damaged() -> None:
    piece = encode_value(OCTETS, b"a")
    for _ in range(100):
        piece = encode_value(0x24, piece)
    with pytest.raises(DamagedBer):
        next(elements(piece)).octets()
    with pytest.raises(DamagedBer):
        next(elements(encode_value(OCTETS, b"a"))).parts()


def nested(bags: bytes, depth: int) -> bytes:
    """Bags in bags of their own (SafeContents), so deep."""
    for _ in range(depth):
        inner = encode_value(SEQUENCE, bags)
        bags = encode_value(SEQUENCE, encode_value(OBJECT, SAFE), encode_value(0xA0, inner))
    return bags


def test_the_work_of_keys_in_bags_of_bags_counts_too() -> None:
    assert told(of_parts(plain(encode_value(SEQUENCE, nested(key_bag(0x7FFF_FFFF), 2))))) == [COSTLY]
    assert told(of_parts(plain(encode_value(SEQUENCE, nested(key_bag(10), 100))))) == [DAMAGED]


def test_a_store_of_parts_that_are_not_understood_says_so() -> None:
    way = encode_value(OCTETS, b"salt")
    for _ in range(100):
        way = encode_value(SEQUENCE, way)
    deep = encode_value(SEQUENCE, encode_value(OBJECT, SHROUDED), encode_value(0xA0, encode_value(SEQUENCE, way)))
    assert told(of_parts(plain(encode_value(SEQUENCE, deep)))) == [DAMAGED]
    signed = encode_value(SEQUENCE, encode_value(OBJECT, ENCRYPTED), encode_value(0xA0, encode_value(OCTETS, b"")))
    assert told(encode_value(SEQUENCE, b"\2\1\3", signed)) == [DAMAGED]
    assert told(encode_value(SEQUENCE, b"\2\1\3", encode_value(SEQUENCE, encode_value(OBJECT, DATA)))) == [DAMAGED]
