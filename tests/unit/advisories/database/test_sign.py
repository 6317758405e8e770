"""Signatures: openssl and this program believe each other, and nobody else."""

from __future__ import annotations

import base64
import builtins
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hullmark.advisories.database.sign import NotSigned, sign, verify
from hullmark.model.errors import HullmarkError
from tests.support.shelves import fingerprint_of, key_pair, openssl

DOCUMENT = b'{"what": "is signed"}\n'


def test_openssl_verifies_what_was_signed_here(tmp_path: Path) -> None:
    private, public = key_pair(tmp_path)
    (tmp_path / "document").write_bytes(DOCUMENT)
    (tmp_path / "raw").write_bytes(base64.b64decode(sign(DOCUMENT, private)))
    given_to = ("-in", tmp_path / "document", "-sigfile", tmp_path / "raw")
    openssl("pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", *given_to)


def test_what_openssl_signed_is_verified_here(tmp_path: Path) -> None:
    private, public = key_pair(tmp_path)
    (tmp_path / "document").write_bytes(DOCUMENT)
    openssl(*("pkeyutl", "-sign", "-inkey", private, "-rawin", "-in", tmp_path / "document", "-out", tmp_path / "raw"))
    signature = base64.b64encode((tmp_path / "raw").read_bytes())
    assert verify(DOCUMENT, signature, public) == fingerprint_of(public)


def test_any_of_several_trusted_keys_will_do(tmp_path: Path) -> None:
    (mine, public), (_, other) = key_pair(tmp_path, "mine"), key_pair(tmp_path, "other")
    both = tmp_path / "both.txt"
    both.write_bytes(b"the old one\n" + other.read_bytes() + b"the new one\n" + public.read_bytes())
    signature = sign(DOCUMENT, mine)
    assert verify(DOCUMENT, signature, both) == verify(DOCUMENT, signature, public) == fingerprint_of(public)
    folder = tmp_path / "trusted"
    folder.mkdir()
    for each in (public, other):
        (folder / each.name).write_bytes(each.read_bytes())
    (folder / "README").write_text("no key")
    assert verify(DOCUMENT, signature, folder) == fingerprint_of(public)
    assert verify(DOCUMENT, b"bm90IG1pbmU=\n" + signature, public)


def test_nobody_else_is_believed(tmp_path: Path) -> None:
    (mine, public), (_, other) = key_pair(tmp_path, "mine"), key_pair(tmp_path, "other")
    signature = sign(DOCUMENT, mine)
    for document, given_signature, keys in (
        (DOCUMENT, signature, other),
        (DOCUMENT + b" ", signature, public),
        (DOCUMENT, b"", public),
        (DOCUMENT, b"\n\n", public),
        (DOCUMENT, b"not base64!", public),
    ):
        with pytest.raises(NotSigned) as caught:
            verify(document, given_signature, keys)
        assert caught.value.advice


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(signature=st.one_of(st.binary(max_size=200), st.binary(min_size=64, max_size=64).map(base64.b64encode)))
def test_no_bytes_are_a_signature_by_chance(tmp_path_factory: pytest.TempPathFactory, signature: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "chance"
    if not folder.exists():
        folder.mkdir()
        key_pair(folder)
    with pytest.raises(NotSigned):
        verify(DOCUMENT, signature, folder / "key.pub")


def test_keys_that_cannot_sign_are_told_apart(tmp_path: Path) -> None:
    private, public = key_pair(tmp_path)
    locked, other = tmp_path / "locked.pem", key_pair(tmp_path, "other", "x25519")[0]
    openssl("pkey", "-in", private, "-aes256", "-passout", "pass:x", "-out", locked)
    (tmp_path / "text").write_text("no key")
    for key, reason in (
        (locked, "passphrase"),
        (other, "not for Ed25519"),
        (public, "no private key"),
        (tmp_path / "text", "no private key"),
        (tmp_path / "none", "cannot be read"),
    ):
        with pytest.raises(HullmarkError, match=reason) as caught:
            sign(DOCUMENT, key)
        assert caught.value.advice
        assert not isinstance(caught.value, NotSigned)


def test_keys_that_cannot_verify_are_told_apart(tmp_path: Path) -> None:
    private, _ = key_pair(tmp_path)
    other = key_pair(tmp_path, "other", "x25519")[1]
    empty, broken = tmp_path / "empty", tmp_path / "broken.pub"
    empty.mkdir()
    broken.write_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    for trusted, reason in (
        (private, "private key"),
        (other, "not for Ed25519"),
        (empty, "no keys"),
        (broken, "cannot be read"),
        (tmp_path / "none", "cannot be read"),
    ):
        with pytest.raises(HullmarkError, match=reason) as caught:
            verify(DOCUMENT, sign(DOCUMENT, private), trusted)
        assert caught.value.advice
        assert not isinstance(caught.value, NotSigned)


def test_without_the_library_one_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = builtins.__import__

    def without(name: str, *arguments: object) -> ModuleType:
        if name.startswith("cryptography"):
            raise ImportError(name)
        return usual(name, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(HullmarkError, match="cryptography") as caught:
        sign(DOCUMENT, tmp_path / "key")
    assert caught.value.advice == "pip install cryptography"
