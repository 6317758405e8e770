"""What lies beyond the bounds of certificates and key stores is told, never passed over."""

from __future__ import annotations

from hullmark.facets.certificates.items import MAX_BLOCK_BYTES
from hullmark.facets.certificates.keystores import MAX_ENTRIES
from hullmark.model.certificate import PrivateKey, Unread
from tests.unit.facets.certificates.plain import plain_items

_DIGEST = bytes(20)


def test_a_value_in_der_that_is_longer_than_any_certificate_may_be_a_key() -> None:
    body = b"\x30\x83" + (MAX_BLOCK_BYTES + 1).to_bytes(3, "big") + bytes(MAX_BLOCK_BYTES + 1)
    (item,) = plain_items(body)
    assert isinstance(item, Unread)
    assert item.may_be_key


def test_a_text_that_begins_with_a_zero_is_no_certificate() -> None:
    assert list(plain_items(b"0 is the first number\n" * 9000)) == []


def test_a_chain_that_is_too_long_does_not_hide_the_entries_behind_it() -> None:
    key = b"\0\0\0\1" + b"\0\1a" + bytes(8) + b"\0\0\0\1x" + (MAX_ENTRIES + 1).to_bytes(4, "big")
    body = b"\xfe\xed\xfe\xed\0\0\0\2\0\0\0\1" + key + _DIGEST
    first, second = plain_items(body)
    assert isinstance(first, PrivateKey)
    assert isinstance(second, Unread)
    assert second.may_be_key
