"""Kinds of secrets: each is found by its form, and what only looks like it is not."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from hullmark.facets.secrets.finder import own_finder
from hullmark.facets.secrets.kind import entropy, is_placeholder
from hullmark.facets.secrets.kinds import KINDS
from hullmark.facets.secrets.kinds_cloud import is_bech32
from hullmark.facets.secrets.kinds_code import has_checksum
from hullmark.facets.secrets.kinds_general import is_basic_login, is_jwt
from tests.unit.facets.secrets.samples import (
    ALNUM,
    BASE32,
    BASE64,
    BINARY,
    HEX,
    LOWER,
    SAMPLES,
    base64_of,
    github,
    jwt,
    openssh,
    pem,
    some,
)


@pytest.mark.parametrize("kind", sorted(BINARY))
def test_a_key_that_is_no_text_is_found_where_a_file_begins_with_it_and_nowhere_else(kind: str) -> None:
    assert [spot.kind.id for spot in own_finder().find(BINARY[kind], "x").found] == [kind]
    assert own_finder().find(b"x" + BINARY[kind], "x").found == []


def found(text: str, name: str = "x") -> list[str]:
    """The kinds found in a text."""
    return [spot.kind.id for spot in own_finder().find(text.encode(), name).found]


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_a_secret_is_found_by_its_form(kind: str) -> None:
    text, name = SAMPLES[kind]
    assert found(text, name) == [kind]


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_a_secret_is_found_wherever_it_stands(kind: str) -> None:
    text, name = SAMPLES[kind]
    assert found(f"first = line\n{text}\nlast = line\n", name) == [kind]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("AKIA" + some(BASE32, 17), "x"),
        ("AKIAAAAAAAAAAAAAAAAA", "x"),
        ("AKIA" + some(LOWER, 16), "x"),
        ("secret_access_key = " + some(BASE64, 41), "x"),
        ("ghp_" + "a" * 36, "x"),
        (github("ghp") + "x", "x"),
        (github("ghp")[:-1], "x"),
        ("glpat-xxxxxxxxxxxxxxxxxxxx", "x"),
        ("npm_config_registry_and_a_long_name_here_", "x"),
        ("hf_" + "a" * 34, "x"),
        ("precios" + some(ALNUM, 32), "x"),
        ("sk_live_", "x"),
        ("xoxb-your-token-here", "x"),
        ('"auth": "bm90IGEgbG9naW4="', "x"),
        ('"auth": "' + base64_of("user:changeme") + '"', "x"),
        ("eyJhbGciOiJIUzI1NiIs.eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "a" * 43, "x"),
        (pem("CERTIFICATE"), "x"),
        (pem("PUBLIC KEY"), "x"),
        ("-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----", "x"),
        ("-----BEGIN PRIVATE KEY-----\n" + "A" * 640 + "\n-----END PRIVATE KEY-----", "x"),
        (f'if line == "-----BEGIN PRIVATE KEY-----":\n    read("{some(ALNUM, 300)}")', "x"),
        ("https://user:password@example.org/", "x"),
        ("https://user:$PASSWORD@example.org/", "x"),
        ("https://user:<token>@example.org/", "x"),
        ("https://example.org:8080/@scope/package", "x"),
        ("postgres://db/app?user=x@y", "x"),
        ("password = changeme123", "app.ini"),
        ("password = ${DB_PASSWORD}", "app.ini"),
        ("password: {{ vault_password }}", "app.yml"),
        ("password = /run/secrets/db", "app.ini"),
        ("token = get_token(request)", "app.conf"),
        ("password_encryption = scram-sha-256", "postgresql.conf"),
        ('password = "ask-for-it"', "code.py"),
        ("passwd:         files systemd", "nsswitch.conf"),
        ("root:*:19000:0:99999:7:::", "shadow"),
        ("root:!:19000:0:99999:7:::", "shadow"),
        ("root:x:0:0:root:/root:/bin/bash", "passwd"),
        ("sh -c 'echo $1$2'", "x"),
        ("DATADOG_API_KEY=$DATADOG_API_KEY", "x"),
        ("DATADOG_API_KEY=" + "0" * 32, "x"),
        ("datadog checks " + some(HEX, 32), "x"),
        ("sha256:" + some(HEX, 64), "x"),
    ],
)
def test_what_only_looks_like_a_secret_is_none(text: str, name: str) -> None:
    assert found(text, name) == []


def test_the_secret_alone_is_taken_not_what_stands_around_it() -> None:
    body = b"db: postgres://app:s3cr3t@db/app"
    (spot,) = own_finder().find(body, "x").found
    assert body[spot.start : spot.end] == b"s3cr3t"


def test_a_key_in_a_line_of_json_is_found() -> None:
    assert found('{"key": "' + pem("RSA PRIVATE KEY").replace("\n", "\\n") + '"}') == ["private-key"]


def test_keys_with_a_password_are_told_apart() -> None:
    headers = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123456789ABCDEF0123456789ABCDEF\n\n"
    assert found(pem("RSA PRIVATE KEY", headers)) == ["encrypted-private-key"]
    assert found(openssh("none")) == ["private-key"]
    assert found(openssh("aes256-ctr")) == ["encrypted-openssh-key"]
    assert found(pem("PGP PRIVATE KEY BLOCK", "Version: GnuPG v2\n\n")) == ["private-key"]


def test_checksums() -> None:
    # The token and the string of Bech32 are published, the latter in BIP 173.
    assert has_checksum(b"ghp_" + b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17")
    assert not has_checksum(b"ghp_" + b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18")
    assert is_bech32(b"A12UEL5L")
    assert not is_bech32(b"A12UEL5Q")


def test_structures() -> None:
    assert is_jwt(jwt({"alg": "none"}).encode())
    assert not is_jwt(jwt({"typ": "JWT"}).encode())
    assert not is_jwt(b"eyJ.eyJ.x")
    assert is_basic_login(base64_of("a:b1c2d3").encode())
    assert not is_basic_login(base64_of("no colon").encode())
    assert not is_basic_login(b"=")


@pytest.mark.parametrize("value", [b"", b"aaaa", b"<token>", b"${X}", b"{{ x }}", b"CHANGEME", b"your-key", b"****"])
def test_placeholders(value: bytes) -> None:
    assert is_placeholder(value)


def test_entropy_is_counted_in_bits_a_byte() -> None:
    assert entropy(b"aaaa") == 0
    assert entropy(b"abab") == 1
    assert entropy(bytes(range(256))) == 8
    assert entropy(b"") == 0


def test_a_pattern_reaches_no_further_than_its_window_does() -> None:
    """A window that is too small would cut a secret short without anyone noticing. Private keys may be of any length."""
    for kind in KINDS:
        size = min(map(len, kind.keywords), default=0)
        assert kind.is_whole or min(_longest(kind.pattern), 17_000) <= kind.before + size + kind.after, kind.id


def _longest(pattern: bytes) -> int:
    # The parser of the module re tells how long what an expression fits can be: it asks that itself of look-behinds.
    parser: Any = import_module("re._parser")
    longest = parser.parse(pattern).getwidth()[1]
    assert isinstance(longest, int)
    return longest
