"""Rules about certificates and keys that were found in files."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from hullmark.facets.certificates import keystores
from hullmark.model.certificate import Certificate, Item, KeyFile, KeyStore, PrivateKey, Unread
from hullmark.policy.gate import CannotTell, Violation
from hullmark.policy.gates.certificates import (
    CertificateValidity,
    PrivateKeys,
    SelfSigned,
    UsualPassword,
    check_validity,
    private_key,
    self_signed,
    usual_password,
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
    assert list(check_validity(CertificateValidity(), seen)) == []


def test_keys_that_a_password_protects_count_only_if_so_asked() -> None:
    seen = facts(certificates=(held("/a", PrivateKey(number=1, is_encrypted=True)),))
    assert list(private_key(PrivateKeys(encrypted=False), seen)) == []
    assert len(list(private_key(PrivateKeys(), seen))) == 1


def test_rules_can_be_for_some_files_and_leave_out_others() -> None:
    seen = facts(certificates=(held("/etc/a.pem", OLD), held("/opt/a.pem", OLD)))
    only = check_validity(CertificateValidity(paths=(PathGlob("/etc/"),)), seen)
    allowed = check_validity(CertificateValidity(allow=(PathGlob("/opt/**"),)), seen)
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


def test_a_key_is_told_with_its_certificate_the_nearest_first() -> None:
    key, certificate = replace(KEY, public="ab"), replace(OLD, public="ab")
    seen = facts(
        certificates=(
            held("/etc/a/x.crt", certificate),
            held("/etc/b/key.pem", key),
            held("/etc/b/x.crt", certificate),
            held("/etc/c.pem", certificate, key),
            held("/etc/d.pem", replace(key, public="cd")),
        )
    )
    first, second, third = (found.message for found in private_key(PrivateKeys(), seen) if isinstance(found, Violation))
    assert "(rsa 2048), beside its certificate of CN=old in /etc/b/x.crt: whoever" in first
    assert "(rsa 2048), beside its certificate of CN=old: whoever" in second
    assert "beside" not in third


def test_a_key_store_that_everybody_can_open_is_found() -> None:
    def store(path: str, password: str | None, keys: int = 1) -> KeyFile:
        return held(path, KeyStore(format="jks", keys=keys, password=password))

    seen = facts(certificates=(store("/a", "changeit"), store("/b", None), store("/c", ""), store("/d", "changeit", 0)))
    told = [found.message for found in usual_password(UsualPassword(), seen) if isinstance(found, Violation)]
    assert told == [
        "The key store /a (jks, private keys: 1) can be opened with the password changeit.",
        "The key store /c (jks, private keys: 1) can be opened without a password.",
    ]
    assert len(list(usual_password(UsualPassword(without_keys=True), seen))) == 3
    opened = facts(certificates=(held("/a", replace(KEY, password=keystores.PASSWORD)),))
    (found,) = private_key(PrivateKeys(), opened)
    assert isinstance(found, Violation)
    assert "a private key that the password changeit opens (rsa 2048)" in found.message
