"""Rules about certificates and keys that were found in files."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from hullmark.model.certificate import Certificate, Item, KeyFile, PrivateKey, Unread
from hullmark.policy.gate import CannotTell, Violation
from hullmark.policy.gates.certificates import (
    CertificateValidity,
    PrivateKeys,
    SelfSigned,
    expired,
    private_key,
    self_signed,
)
from hullmark.policy.globs import PathGlob
from tests.unit.policy.building import facts

OLD = Certificate(
    fingerprint="0123456789abcdef",
    name="CN=old",
    begins=datetime(2020, 1, 1, tzinfo=UTC),
    ends=datetime(2021, 1, 1, tzinfo=UTC),
    key="rsa",
    bits=2048,
    hash_name="sha256",
    is_self_signed=False,
)
KEY = PrivateKey(number=1, is_encrypted=False, key="rsa", bits=2048)


def held(path: str, *items: Item, is_ghost: bool = False) -> KeyFile:
    return KeyFile(path=path, layer=0, is_ghost=is_ghost, items=items)


def test_a_key_that_was_not_read_cannot_be_told() -> None:
    seen = facts(certificates=(held("/a.key", KEY), held("/b.key", Unread("it is too large", may_be_key=True))))
    first, second = private_key(PrivateKeys(), seen)
    assert isinstance(first, Violation)
    assert first.message == "The file /a.key holds a private key (rsa 2048): whoever has the image has it."
    assert isinstance(second, CannotTell)


def test_a_key_that_a_later_layer_deletes_is_in_the_image_still_and_a_certificate_is_not_in_use() -> None:
    seen = facts(certificates=(held("/a", KEY, OLD, is_ghost=True),))
    (found,) = private_key(PrivateKeys(), seen)
    assert isinstance(found, Violation)
    assert "a later layer deletes" in found.message
    assert list(expired(CertificateValidity(), seen)) == []


def test_keys_that_a_password_protects_count_only_if_so_asked() -> None:
    seen = facts(certificates=(held("/a", PrivateKey(number=1, is_encrypted=True)),))
    assert list(private_key(PrivateKeys(encrypted=False), seen)) == []
    assert len(list(private_key(PrivateKeys(), seen))) == 1


def test_rules_can_be_for_some_files_and_leave_out_others() -> None:
    seen = facts(certificates=(held("/etc/a.pem", OLD), held("/opt/a.pem", OLD)))
    only = expired(CertificateValidity(paths=(PathGlob("/etc/"),)), seen)
    allowed = expired(CertificateValidity(allow=(PathGlob("/opt/**"),)), seen)
    for answers in (list(only), list(allowed)):
        (found,) = answers
        assert isinstance(found, Violation)
        assert found.subject == "/etc/a.pem#0123456789abcdef"


def test_a_certificate_that_signs_itself_counts_but_for_authorities() -> None:
    own = replace(OLD, is_self_signed=True)
    files = (
        held("/app/tls.pem", own, OLD),
        held("/etc/ssl/certs/ca-certificates.crt", own),
        held("/x/cacert.pem", own),
    )
    (found,) = self_signed(SelfSigned(), facts(certificates=files))
    assert isinstance(found, Violation)
    assert found.message == "The certificate of CN=old in /app/tls.pem signs itself."
